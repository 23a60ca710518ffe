"""Ablation of the rules: what each of them removes, from the stored signals without the texts.

Choices:
- `alone` is what a rule removes if it is the only one; `only_this` is what no other rule removes,
  so what is kept again if it is switched off; `first` is the number of documents it is counted for.
- A histogram spans the middle 98 % of the values, as heights from a space to a full block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ConfigError
from lmkit.filters.rules import Rule
from lmkit.suggestions import did_you_mean

BINS = 24
BLOCKS = " ▁▂▃▄▅▆▇█"
Numbers = Mapping[str, NDArray[Any]]


def removals_by_rule(numbers: Numbers, rules: Sequence[Rule]) -> tuple[list[dict[str, Any]], int]:
    """Return a row for every rule, and how many documents are kept.

    >>> rule = Rule("min_words", "min_words", "words", False, 3)
    >>> rows, kept = removals_by_rule({"words": np.array([1, 2, 3])}, [rule])
    >>> rows[0]["alone"], kept
    (2, 1)
    """
    violated = [np.asarray(rule.breaks(numbers[rule.signal])) for rule in rules]
    count = len(next(iter(numbers.values())))
    times = np.zeros(count, np.int16)
    first = np.full(count, -1, np.int16)
    for number, violates in enumerate(violated):
        times += violates
        first[violates & (first < 0)] = number
    rows = [
        {
            "rule": rule.reason,
            "limit": "none" if rule.limit is None else f"{'<>'[rule.is_maximum]} {rule.limit:g}",
            "alone": int(violates.sum()),
            "only_this": int((violates & (times == 1)).sum()),
            "first": int((first == number).sum()),
            **histogram(numbers[rule.signal]),
        }
        for number, (rule, violates) in enumerate(zip(rules, violated, strict=True))
    ]
    return rows, int((times == 0).sum())


def histogram(values: NDArray[Any]) -> dict[str, str]:
    """Return a histogram of the values, between the first and the last percentile.

    >>> histogram(np.array([0, 0, 0, 1]))["from"]
    '0'
    """
    if not len(values):
        return {"from": "", "to": "", "histogram": ""}
    low, high = np.quantile(values, [0.01, 0.99])
    inside = values[(values >= low) & (values <= high)]
    counts, _ = np.histogram(inside, BINS, (low, high if high > low else low + 1))
    heights = np.ceil(counts / max(1, counts.max()) * (len(BLOCKS) - 1)).astype(int)
    bars = "".join(BLOCKS[height] for height in heights)
    return {"from": f"{low:.3g}", "to": f"{high:.3g}", "histogram": bars}


def with_limits(rules: Sequence[Rule], typed: str) -> list[Rule]:
    """Return the rules with the given limits: `gopher.min_words=30,c4.min_sentences=none`."""
    known = {rule.option: rule for rule in rules}
    for part in filter(None, map(str.strip, typed.split(","))):
        option, _, value = part.partition("=")
        name = option.strip().replace("-", "_")
        if name not in known:
            raise ConfigError(
                f"--limits: {option}: no such limit in this folder{did_you_mean(name, known)}",
                f"there are: {', '.join(known)}" if known else "the folder was made without rules",
            )
        try:
            limit = None if value.strip() == "none" else float(value)
        except ValueError:
            raise ConfigError(f"--limits: {option}: got {value!r}, must be a number") from None
        known[name] = replace(known[name], limit=limit)
    return list(known.values())
