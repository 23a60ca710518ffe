"""Texts, of which every token is predicted.

    {"text": "A page of an encyclopedia …"}

Choice: the scores are those of lm-evaluation-harness' `loglikelihood_rolling`, without its second
BOS: windows as long as the model reads that predict disjoint parts, and no EOS. `--data` scores
texts as they were trained on.
"""

from lmkit.evaluation.tasks.kinds.task_kind import Options, TaskKind
from lmkit.evaluation.tasks.measures import BYTE_PERPLEXITY, TEXT_BITS_PER_BYTE, WORD_PERPLEXITY
from lmkit.evaluation.tasks.record_fields import RecordFields


def _read(fields: RecordFields) -> Options:
    return Options(("",), (fields.filled_text("text"),))


TEXT = TaskKind(
    name="text",
    keys=(("text",),),
    read=_read,
    measures={
        "bits_per_byte": TEXT_BITS_PER_BYTE,
        "byte_perplexity": BYTE_PERPLEXITY,
        "word_perplexity": WORD_PERPLEXITY,
    },
    chance=lambda _: None,
    is_whole_text=True,
)
