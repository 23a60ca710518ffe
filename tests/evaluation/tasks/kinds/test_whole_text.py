from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.kinds.whole_text import TEXT
from lmkit.evaluation.tasks.record_fields import RecordFields


def test_a_text_has_no_context_and_no_accuracy() -> None:
    assert TEXT.read(RecordFields({"text": " a b\n"}, "f")) == Options(("",), (" a b\n",))
    assert TEXT.chance(1) is None and "acc" not in TEXT.measures
