from lmkit.evaluation.tasks.kinds.schema import SCHEMA
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.record_fields import RecordFields


def test_the_contexts_are_the_options() -> None:
    record = {"context_options": ["so Sarah", "so Maria"], "continuation": " got it", "gold": 1}
    found = SCHEMA.read(RecordFields(record, "f"))
    assert found == Options(("so Sarah", "so Maria"), ("got it",), 1)
