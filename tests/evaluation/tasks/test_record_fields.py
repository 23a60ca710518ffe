from typing import Any

import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.record_fields import RecordFields


def fields(**values: Any) -> RecordFields:
    return RecordFields(values, "f.jsonl: line 7")


@pytest.mark.parametrize("value", [1, "1", "B", "fire"])
def test_the_right_option_is_an_index_a_letter_or_a_text(value: object) -> None:
    assert fields(gold=value).index(["gold"], ["ice", "fire"]) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2, "gold: got 2, must be from 0 to 1"),
        (-1, "gold: got -1, must be from 0 to 1"),
        ("C", "gold: got 2, must be from 0 to 1"),
        ("fir", "gold: got 'fir', must be the index of the right option"),
        (True, "gold: got True, must be the index"),
        (1.0, "gold: got 1.0, must be the index"),
        (None, "has no gold"),
    ],
)
def test_a_right_option_that_is_none_is_an_error(value: object, message: str) -> None:
    with pytest.raises(InputError, match=r"f\.jsonl: line 7: ") as error:
        fields(gold=value).index(["gold"], ["ice", "fire"])
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["a"], "choices: got 1, must be at least 2"),
        ([], "choices: got 0, must be at least 2"),
        ("ab", "choices: got 'ab', must be a list of texts"),
        (["a", 2], "must be texts that aren't empty"),
        (["a", " "], "must be texts that aren't empty"),
        (["x" * 100, 1], "xx..., must be"),
    ],
)
def test_choices_that_are_none_are_an_error(value: object, message: str) -> None:
    with pytest.raises(InputError) as error:
        fields(choices=value).texts("choices")
    assert message in str(error.value)


def test_a_text_must_be_one() -> None:
    assert fields(b="x").text("a", "b") == "x"
    with pytest.raises(InputError, match="a: got 3, must be a text"):
        fields(a=3).text("a")
    with pytest.raises(InputError, match="has no a or b"):
        fields().text("a", "b")
    with pytest.raises(InputError, match="a: is empty"):
        fields(a=" ").filled_text("a")
