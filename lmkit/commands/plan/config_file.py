"""The config.toml of a plan: the options of the proposed run, as `pretrain --config` reads them."""

import json
from collections.abc import Mapping
from typing import Any

from lmkit.execution.tables import printable

CONFIG = "config.toml"


def config_text(command: str, table: Mapping[str, Any], comments: str) -> str:
    """Return the text of a config file.

    Args:
        command: whose options these are.
        table: options by key, with a table for each group; none are None.
        comments: what stands above.

    >>> print(config_text("pretrain", {"steps": 5, "model": {"layers": 4}}, "A plan."), end="")
    # A plan.
    <BLANKLINE>
    [pretrain]
    steps = 5
    <BLANKLINE>
    [pretrain.model]
    layers = 4

    """
    # TOML allows no control characters in comments.
    above = [f"# {printable(line)}".rstrip() for line in comments.splitlines()]
    lines = [*above, "", f"[{command}]"]
    groups = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines += [_line(key, value) for key, value in table.items() if key not in groups]
    for name, group in groups.items():
        if group:
            lines += ["", f"[{command}.{name}]"]
            lines += [_line(key, value) for key, value in group.items()]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    # A basic string of TOML has the escapes of JSON, and may not hold DEL.
    text = json.dumps("none" if value is None else value, ensure_ascii=False)
    return f"{key} = {text}".replace("\x7f", "\\u007f")
