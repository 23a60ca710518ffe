import random
from functools import partial

import pytest
from pydantic import ValidationError

from lmkit.artifacts.documents_file import Document
from lmkit.deduplication.keep_policy import DocumentKey, sort_key, value_of
from lmkit.deduplication.options import KeepConfig


def key(
    source: str = "s", id_: str = "1", characters: int = 1, value: object = None
) -> DocumentKey:
    return DocumentKey(source, id_, "", "", characters, value)  # type: ignore[arg-type]


def ordered(keep: KeepConfig, *keys: DocumentKey) -> list[DocumentKey]:
    shuffled = random.Random(1).sample(keys, len(keys))
    return sorted(shuffled, key=partial(sort_key, keep))


def test_the_first_is_that_with_the_smallest_source_and_then_id() -> None:
    keys = [key("a", "9"), key("b", "1"), key("b", "2")]
    assert ordered(KeepConfig(), *keys) == keys


def test_the_longest_comes_first_and_ties_are_broken_by_source_and_id() -> None:
    keys = [key("b", "7", 30), key("a", "1", 20), key("a", "2", 20)]
    assert ordered(KeepConfig(rule="longest"), *keys) == keys


def test_values_are_numbers_then_texts_then_none() -> None:
    rising = [-2, 0.5, 3, "2024", "2024-01", "2025"]
    keys = [key(value=value) for value in [*rising, None]]
    assert ordered(KeepConfig(rule="smallest", field="x"), *keys) == keys
    falling = [3, 0.5, -2, "2025", "2024-01", "2024", None]
    keys = [key(value=value) for value in falling]
    assert ordered(KeepConfig(rule="largest", field="x"), *keys) == keys


def test_preferred_sources_come_before_the_rule() -> None:
    keys = [key("wiki", characters=1), key("books", characters=2), key("a", characters=9)]
    assert ordered(KeepConfig(rule="longest", sources=("wiki", "books")), *keys) == keys


def test_a_field_is_found_in_the_record_or_its_metadata() -> None:
    document = Document("1", "text", "s", {"score": 2, "by": {"hand": 3}, "yes": True})
    for field, value in {
        "metadata.score": 2,
        "score": 2,
        "by.hand": 3,
        "id": "1",
        "yes": None,
        "by": None,
        "score.x": None,
    }.items():
        assert value_of(KeepConfig(rule="largest", field=field), document) == value


def test_rule_and_field_go_together() -> None:
    for given in ({"rule": "largest"}, {"field": "x"}, {"rule": "longest", "field": "x"}):
        with pytest.raises(ValidationError, match="--keep"):
            KeepConfig.model_validate(given)
