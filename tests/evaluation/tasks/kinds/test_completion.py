import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.kinds.completion import COMPLETION
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.record_fields import RecordFields


def test_white_space_around_a_continuation_is_not_part_of_it() -> None:
    record = {"context": "I care about", "continuation": " signs\n"}
    assert COMPLETION.read(RecordFields(record, "f")) == Options(("I care about",), ("signs",))


def test_an_empty_continuation_is_an_error_and_random_answers_are_never_right() -> None:
    with pytest.raises(InputError, match="continuation: is empty"):
        COMPLETION.read(RecordFields({"context": "a", "continuation": " "}, "f"))
    assert COMPLETION.chance(1) == 0
