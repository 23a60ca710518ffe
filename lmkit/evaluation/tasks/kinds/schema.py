"""Winograd schemas: one continuation must be most likely after the right one of several contexts.

{"context_options": ["…so Sarah", "…so Maria"], "continuation": "always got", "gold": 0}
"""

from lmkit.evaluation.tasks.kinds.task_kind import Options, TaskKind
from lmkit.evaluation.tasks.measures import ACC, BITS_PER_BYTE, PROBABILITY
from lmkit.evaluation.tasks.record_fields import RecordFields


def _read(fields: RecordFields) -> Options:
    contexts = fields.texts("context_options")
    continuation = fields.filled_text("continuation").strip()
    return Options(contexts, (continuation,), fields.index(("gold", "label"), contexts))


SCHEMA = TaskKind(
    name="schema",
    keys=(("context_options",), ("continuation",), ("gold", "label")),
    read=_read,
    measures={"acc": ACC, "bits_per_byte": BITS_PER_BYTE, "probability": PROBABILITY},
)
