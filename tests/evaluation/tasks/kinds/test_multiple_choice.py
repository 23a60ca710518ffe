import pytest

from lmkit.evaluation.tasks.kinds.multiple_choice import CHOICE
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.record_fields import RecordFields


@pytest.mark.parametrize("name", ["query", "context", "question"])
@pytest.mark.parametrize("gold", ["gold", "label", "answerKey"])
def test_a_question_has_choices_and_a_right_one(name: str, gold: str) -> None:
    fields = RecordFields({name: "Q", "choices": ["a", "b", "c"], gold: 2}, "f")
    assert CHOICE.matches(fields)
    assert CHOICE.read(fields) == Options(("Q",), ("a", "b", "c"), 2)
