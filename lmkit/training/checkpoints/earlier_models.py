"""model.json of runs that an earlier lmkit made, read under the names of today.

Choice: such a run isn't resumed, since its manifest names other options; its model is still
evaluated, exported, sampled from, and trained further with --init-from.
"""

from collections.abc import Mapping
from typing import Any

from lmkit.artifacts.manifest import FORMAT

RENAMED = {
    "": {"begin": "bos", "end": "eos"},
    "model": {
        "head_width": "head_dim",
        "tied": "tie_embeddings",
        "norm_place": "norm_position",
    },
    "objective_options.mlm": {"share": "probability"},
    "objective_options.span": {"noise": "noise_density", "mean_length": "mean_span_length"},
}
"""Keys of format 1 and their present names, by the object that they stand in."""


def with_present_names(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return what model.json holds, with the keys of format 1 renamed.

    >>> with_present_names({"model": {"tied": True}, "end": 3})["model"]
    {'tie_embeddings': True}
    >>> with_present_names({"format": 2, "end": 3})
    {'format': 2, 'end': 3}
    """
    if not path and values.get("format", 1) != 1:
        return dict(values)
    names = RENAMED.get(path, {})
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = f"{path}.{key}".removeprefix(".")
        renamed = with_present_names(value, inner) if isinstance(value, Mapping) else value
        found[names.get(key, key)] = renamed
    return found if path else found | {"format": FORMAT}
