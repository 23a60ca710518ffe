from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.profanity_lists import WORDS, WordList, WordListName, WordLists
from tests.conftest import prose

LANGUAGES = ("en", "de", "fr", "es")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_of_the_lists_that_c4_used_is_found(corpora: Path, language: str) -> None:
    path = corpora / "filters" / f"profanity_{language}.txt"
    lists = WordLists([str(path)])
    entries = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    assert len(entries) > 50
    for entry in entries:
        for written in (entry, entry.upper(), entry.replace(" ", "\n")):
            assert lists.count(f"So (they) said: {written}, and left.", None) >= 1, written


@pytest.mark.parametrize(
    "text",
    ["Scunthorpe", "assess the class", "a cockerel in Sussex", "Penistone", "shitake", "Dickens"],
)
def test_words_that_contain_a_listed_one_do_not_count(corpora: Path, text: str) -> None:
    names = [str(corpora / "filters" / f"profanity_{language}.txt") for language in LANGUAGES]
    assert WordLists([*WORDS, *names]).count(text, None) == 0


def test_real_prose_has_no_matches() -> None:
    assert WordLists([*WORDS]).count(" ".join(prose(60)), "en") == 0


def test_a_list_applies_to_texts_in_its_language_and_of_unknown_language(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# a comment\n\nSau\n")
    lists = WordLists([f"de:{path}"])
    assert [lists.count("Eine Sau!", code) for code in ("de", None, "en")] == [1, 1, 0]
    assert WordLists([str(path)]).count("Eine Sau!", "en") == 1
    assert WordLists(["de"]).count("Der Wichser", "en") == 0
    assert WordListName.parse("en") == WordListName("en", None)
    assert WordListName.parse("en.txt") == WordListName(None, Path("en.txt"))


def test_scripts_without_spaces_are_searched_as_substrings() -> None:
    assert WordList(["坏话"]).count("这是坏话吗") == 1


ENTRIES = ["a", "a b", "b c", "c"]


def literal(tokens: list[str]) -> int:
    """Count entries from the left, the longest first."""
    count = at = 0
    while at < len(tokens):
        pair = " ".join(tokens[at : at + 2])
        size = 2 if pair in ENTRIES and len(tokens) > at + 1 else 1 if tokens[at] in ENTRIES else 0
        count += size > 0
        at += size or 1
    return count


@given(st.lists(st.sampled_from(["a", "b", "c", "ab", "x"])))
def test_entries_are_counted_as_by_a_literal_implementation(tokens: list[str]) -> None:
    assert WordList(ENTRIES).count(" ".join(tokens)) == literal(tokens)
