"""Completions, as in LAMBADA: each token of the continuation must be the most likely one.

    {"context": "… I don't care about", "continuation": "signs"}

Choices:
- White space around a continuation is the file's: the delimiter replaces it. (A line of
  llm-foundry's LAMBADA has some.)
- Random answers are never right: chance is 0, as in DCLM's table.
"""

from lmkit.evaluation.tasks.kinds.task_kind import Options, TaskKind
from lmkit.evaluation.tasks.measures import BITS_PER_BYTE, GREEDY, PERPLEXITY
from lmkit.evaluation.tasks.record_fields import RecordFields


def _read(fields: RecordFields) -> Options:
    return Options((fields.text("context"),), (fields.filled_text("continuation").strip(),))


COMPLETION = TaskKind(
    name="completion",
    keys=(("context",), ("continuation",)),
    read=_read,
    measures={"acc": GREEDY, "perplexity": PERPLEXITY, "bits_per_byte": BITS_PER_BYTE},
    chance=lambda _: 0.0,
)
