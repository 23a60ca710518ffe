"""Minimal pairs, as in BLiMP: the good sentence must be more likely than the bad one.

    {"sentence_good": "Who should Derek hug?", "sentence_bad": "Who should hug Derek?"}

Choice: both sentences follow BOS and the delimiter, as in lm-evaluation-harness.
"""

from lmkit.evaluation.tasks.kinds.task_kind import Options, TaskKind
from lmkit.evaluation.tasks.measures import ACC, BITS_PER_BYTE, PROBABILITY
from lmkit.evaluation.tasks.record_fields import RecordFields


def _read(fields: RecordFields) -> Options:
    sentences = (fields.filled_text("sentence_good"), fields.filled_text("sentence_bad"))
    return Options(("",), sentences)


PAIR = TaskKind(
    name="pair",
    keys=(("sentence_good",), ("sentence_bad",)),
    read=_read,
    measures={"acc": ACC, "bits_per_byte": BITS_PER_BYTE, "probability": PROBABILITY},
)
