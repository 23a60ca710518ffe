import gzip
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.deduplication.ngram_search import Items, Match
from tests.conftest import prose

WORDS = st.lists(st.sampled_from(["red", "green", "blueish", "greenred"]), max_size=40)


def literally(text: str, items: list[str], size: int) -> set[int]:
    """Which items share an n-gram with a text, letter by letter and boundary by boundary."""
    stream, starts = "", set[int]()
    for word in re.findall(r"\w+", text):
        starts.add(len(stream))
        stream += word.lower()
    borders = starts | {len(stream)}
    found = set[int]()
    for number, item in enumerate(items):
        words = re.findall(r"\w+", item.lower())
        width = min(size, len(words))
        if len(words) < 2 or len("".join(words)) < 6:
            continue
        for first in range(len(words) - width + 1):
            run = "".join(words[first : first + width])
            offset = stream.find(run)
            while offset >= 0:
                if offset in starts and offset + len(run) in borders:
                    found.add(number)
                offset = stream.find(run, offset + 1)
    return found


@settings(max_examples=200)
@given(texts=st.lists(WORDS, min_size=1, max_size=4), items=st.lists(WORDS, max_size=4))
def test_it_finds_what_a_literal_search_finds(
    texts: list[list[str]], items: list[list[str]]
) -> None:
    written = [" ".join(item) for item in items]
    joined = [", ".join(text) for text in texts]
    found = Items.of(written, 5)[0].find(joined)
    for text, matches in zip(joined, found, strict=True):
        assert {one.item for one in matches} == literally(text, written, 5)


def test_a_match_has_its_offsets_and_words() -> None:
    words = [word for word in prose(1, 90)[0].split() if word.isalpha()]
    text = f"Before. {' '.join(words[10:40])} and behind."
    (found,) = Items.of([" ".join(words)])[0].find([text])[0]
    assert found == Match(0, 8, 8 + len(" ".join(words[10:40])), 30)


def test_fewer_words_than_an_ngram_are_not_enough_of_a_long_item() -> None:
    words = prose(1, 60)[0].split()
    items, _ = Items.of([" ".join(words)])
    assert items.find([" ".join(["x", *words[5:17], "y"])]) == [[]]
    assert len(items.find([" ".join(["x", *words[5:18], "y"])])[0]) == 1


def test_a_short_item_must_occur_completely_and_as_words() -> None:
    items, short = Items.of(["The ranch was old and dry.", "Cat", "a b c"])
    assert short == [1, 2]
    found = items.find(
        ["see, the ranch -- was OLD and dry", "the ranch was old", "bathe ranch was old and dry"]
    )
    assert [len(each) for each in found] == [1, 0, 0]


def test_a_few_words_must_be_a_sentence_or_occur_verbatim() -> None:
    written = ["Mark won."]
    items, _ = Items.of(written)
    texts = [
        "They ran. Mark won! They left.",
        "mark won",
        'He said: "Mark won"; and left.',
        "In the end Mark won. They left.",  # verbatim, with its period
        "They knew that Mark won by a mile.",
        "The mark won them a prize",
    ]
    found = items.find(texts, written.__getitem__)
    assert [len(each) for each in found] == [1, 1, 1, 1, 0, 0]


def test_saved_items_find_the_same(tmp_path: Path) -> None:
    texts = prose(20, 30)
    items, _ = Items.of(texts[:10])
    with (tmp_path / "items").open("wb") as file:
        items.save(file)
    assert Items.load(tmp_path / "items").find(texts) == items.find(texts)
    assert [len(found) for found in items.find(texts)] == [1] * 10 + [0] * 10


def test_no_items_find_nothing() -> None:
    items, short = Items.of([])
    assert items.find(["a text", ""]) == [[], []] and short == []


def test_an_item_across_two_texts_is_in_neither() -> None:
    words = prose(1, 14)[0].split()
    items, _ = Items.of([" ".join(words)])
    assert items.find([" ".join(words[:7]), " ".join(words[7:])]) == [[], []]


def altered(text: str, chance: random.Random) -> str:
    """Change case, punctuation and line breaks, as another page might."""
    text = chance.choice([str.upper, str.lower, str.title, str.swapcase])(text)
    kind = chance.randrange(3)
    if kind == 0:
        text = re.sub(r"[^\w\s]", "", text)
    elif kind == 1:
        text = re.sub(r"[^\w\s]", lambda _: chance.choice([" ", "-", " \u2014 ", "\u2019"]), text)
    return "".join(
        chance.choice(["\n", "\r\n", "  "])
        if character == " " and chance.random() < 0.3
        else character
        for character in text
    )


@pytest.mark.parametrize("name", ["blimp", "lambada_openai", "arc_easy"])
def test_planted_items_of_real_tests_are_found(corpora: Path, name: str) -> None:
    from lmkit.readers.test_sets import texts_of

    chance = random.Random(1)
    folder = corpora / "eval"
    files = [folder / f"{name}.jsonl.gz"]
    files = files if files[0].exists() else sorted((folder / name).glob("*.gz"))
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    written = [texts_of(json.loads(line))[0] for line in chance.sample(lines, 500)]
    items, short = Items.of(written)
    assert not short
    filler = prose(500, 40)
    as_they_are = [f"{a}\n{item}\n{a}" for a, item in zip(filler, written, strict=True)]
    inside = [f"{a} {item} {a}" for a, item in zip(filler, written, strict=True)]
    changed = [f"{a} {altered(item, chance)}\n{a}" for a, item in zip(filler, written, strict=True)]
    for texts, minimum in ((as_they_are, 500), (inside, 500), (changed, 475)):
        found = items.find(texts, written.__getitem__)
        hits = sum(n in {one.item for one in each} for n, each in enumerate(found))
        assert hits >= minimum
