r"""Multiple choice: the right one of several continuations of a context must be the most likely.

{"query": "Question: What is warm?\nAnswer:", "choices": ["ice", "fire"], "gold": 1}
"""

from lmkit.evaluation.tasks.kinds.task_kind import Options, TaskKind
from lmkit.evaluation.tasks.measures import (
    ACC,
    ACC_BYTES,
    ACC_NORM,
    ACC_TOKENS,
    BITS_PER_BYTE,
    PROBABILITY,
)
from lmkit.evaluation.tasks.record_fields import RecordFields

CONTEXT = ("query", "context", "question")
GOLD = ("gold", "label", "answerKey")


def _read(fields: RecordFields) -> Options:
    choices = fields.texts("choices")
    gold, *others = fields.indices(GOLD, choices)
    return Options((fields.text(*CONTEXT),), choices, gold, tuple(others))


CHOICE = TaskKind(
    name="choice",
    keys=(CONTEXT, ("choices",), GOLD),
    read=_read,
    measures={
        "acc": ACC,
        "acc_norm": ACC_NORM,
        "acc_bytes": ACC_BYTES,
        "acc_tokens": ACC_TOKENS,
        "bits_per_byte": BITS_PER_BYTE,
        "probability": PROBABILITY,
    },
)
