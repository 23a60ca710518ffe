"""What a person may have meant who typed a name that doesn't exist.

Choice: a name is looked for as people know it from elsewhere, then by its last part (`lr` for
`optim.lr`), then by its beginning (`llama` for `llama-1m`), then by similar letters.
"""

from collections.abc import Iterable
from difflib import get_close_matches

ELSEWHERE = {
    "batch-size": ("batch-tokens", "micro-batch"),
    "bert": ("bert-base",),
    "block-size": ("sequence-length",),
    "causal": ("clm",),
    "causal-lm": ("clm",),
    "context-length": ("sequence-length",),
    "d-model": ("model.hidden-size",),
    "dtype": ("precision",),
    "gpt2": ("gpt2-small",),
    "gradient-clipping": ("optim.grad-clip",),
    "jobs": ("workers",),
    "learning-rate": ("optim.lr",),
    "lm": ("clm",),
    "masked": ("mlm",),
    "masked-lm": ("mlm",),
    "max-iters": ("steps",),
    "max-length": ("sequence-length", "max-tokens"),
    "max-new-tokens": ("max-tokens",),
    "max-steps": ("steps",),
    "n-embd": ("model.hidden-size",),
    "n-head": ("model.heads",),
    "n-layer": ("model.layers",),
    "next-token": ("clm",),
    "num-epochs": ("epochs",),
    "num-heads": ("model.heads",),
    "num-layers": ("model.layers",),
    "num-proc": ("workers",),
    "num-train-epochs": ("epochs",),
    "num-workers": ("workers",),
    "output-dir": ("output",),
    "out-dir": ("output",),
    "permutation": ("plm",),
    "processes": ("workers",),
    "seq-len": ("sequence-length",),
    "seq-length": ("sequence-length",),
    "t5": ("span-corruption", "t5-small"),
    "threads": ("workers",),
    "vocabulary-size": ("vocab-size",),
    "warmup": ("schedule.warmup-steps",),
}
"""Names of other programs, and what they are called here; the first that is known counts."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that was meant; None where none is near.

    >>> nearest("lr", ["optim.lr", "steps"]), nearest("gpt2", ["gpt2-nano", "gpt2-small"])
    ('optim.lr', 'gpt2-small')
    >>> nearest("learning_rate", ["optim.lr"]), nearest("xyz", ["steps"])
    ('optim.lr', None)
    """
    names = list(known)
    plain = word.lower().replace("_", "-")
    spelled = {name.lower().replace("_", "-"): name for name in names}
    for other in (plain, *ELSEWHERE.get(plain, ())):
        if other in spelled:
            return spelled[other]
    last = plain.rpartition(".")[2]
    same_end = [name for key, name in spelled.items() if key.rpartition(".")[2] == last]
    if same_end:
        return min(same_end, key=len)
    same_start = [name for key, name in spelled.items() if len(plain) > 2 and key.startswith(plain)]
    if same_start:
        return min(same_start, key=len)
    close = get_close_matches(plain, list(spelled), n=1)
    return spelled[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], before: str = "") -> str:
    """Return a suggestion to append to a message, or nothing; `before` is written before a name."""
    found = nearest(word, known)
    return f"; did you mean {before}{found}?" if found else ""
