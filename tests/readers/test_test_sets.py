import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts.inputs import find_documents
from lmkit.errors import LmkitError
from lmkit.readers.test_sets import Item, read_items, texts_of


def read(*paths: Path) -> list[Item]:
    slices = find_documents(paths, formats=("jsonl",)).slices
    return [item for part in slices for item in read_items(part, [], 1_000_000)]


@pytest.mark.parametrize(
    ("record", "texts"),
    [
        (
            {"sentence_good": "Who ate?", "sentence_bad": "Ate who?", "UID": "x_y"},
            ["Who ate?", "Ate who?"],
        ),
        ({"context": "I don't care about", "continuation": "signs"}, ["I don't care about signs"]),
        (
            {
                "query": "Question: Why is it blue?\nChoices:\nA. x\nB. y\nAnswer:",
                "choices": ["A", "B"],
                "gold": 1,
            },
            ["Why is it blue?"],
        ),
        (
            {"query": "Question: Sound travels as a", "choices": ["bat", "wave"], "gold": 1},
            ["Sound travels as a wave"],
        ),
        (
            {"question": "Q is a letter of which", "choices": [], "gold": 3},
            ["Q is a letter of which"],
        ),
        ({"whatever": "there are four words", "label": "few words"}, ["there are four words"]),
        ({"label": 3, "name": "x"}, []),
    ],
)
def test_the_texts_of_an_item_are_what_a_page_would_copy(
    record: dict[str, Any], texts: list[str]
) -> None:
    assert texts_of(record) == texts


def test_items_are_named_by_set_and_by_id_or_line(here: Path) -> None:
    Path("eval/deep").mkdir(parents=True)
    with gzip.open("eval/deep/a.b.jsonl.gz", "wt") as file:
        file.write('{"text": "one"}\n\n{"text": "two", "pairID": "7"}\n')
    Path("alone.jsonl").write_text(json.dumps({"text": "three"}))
    assert read(Path("eval"), Path("alone.jsonl")) == [
        Item("alone", "1", ("three",)),
        Item("eval/deep/a.b", "1", ("one",)),
        Item("eval/deep/a.b", "7", ("two",)),
    ]


@pytest.mark.parametrize("line", ["[1]", "{", "\ufffe", '{"text": "cut'])
def test_an_invalid_line_is_named(here: Path, line: str) -> None:
    Path("a.jsonl").write_text('{"text": "one"}\n' + line)
    with pytest.raises(LmkitError, match=r"a\.jsonl: line 2: "):
        read(Path("a.jsonl"))


def test_the_files_of_real_test_sets_are_read(corpora: Path) -> None:
    items = read(corpora / "eval")
    sets = {item.set for item in items}
    assert len(sets) == 37 and "eval/blimp/adjunct_island" in sets
    assert len(items) == 34_000 + 5_153 + 2_376 + 1_221
    assert all(item.texts for item in items)
