from lmkit.evaluation.tasks.kinds.task_kind import Options, TaskKind
from lmkit.evaluation.tasks.record_fields import RecordFields

KIND = TaskKind("x", (("a", "b"), ("c",)), lambda _: Options(("",), ("",)), {})


def test_a_record_has_one_field_of_each_group() -> None:
    assert KIND.matches(RecordFields({"b": 1, "c": 2, "d": 3}, "f"))
    assert not KIND.matches(RecordFields({"a": 1, "b": 2}, "f"))


def test_random_answers_are_right_once_in_as_many_options() -> None:
    assert KIND.chance(4) == 0.25
