"""README files as the Hugging Face hub reads them: a front matter in YAML, then Markdown.

Choices:
- Front matter is written as JSON, which is YAML: a name can't be anything but a text in it.
- In Markdown, characters of a name that mean something there are escaped.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lmkit.execution.tables import printable
from lmkit.text.surrogates import well_formed

SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&-])")


def front_matter(values: Mapping[str, Any]) -> str:
    """Return the front matter, of what is known.

    >>> print(front_matter({"license": None, "tags": ["lmkit"]}))
    ---
    tags: ["lmkit"]
    ---
    """
    lines = [
        f"{key}: {well_formed(json.dumps(value, ensure_ascii=True, allow_nan=False))}"
        for key, value in values.items()
        if value not in (None, [], {})
    ]
    return "\n".join(["---", *lines, "---"])


def plain_text(text: object) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    >>> print(plain_text("a|b <i>"))
    a\|b \<i\>
    """
    return SPECIAL.sub(r"\\\1", printable(well_formed(str(text))))


def code_block(text: str, language: str = "") -> str:
    """Return a block of code, whose fence is longer than any in it."""
    longest = max((len(each) for each in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return a table with a column for each name that a row has."""
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [[plain_text(name) for name in columns], ["---"] * len(columns)]
    lines += [[plain_text(row.get(name, "")) for name in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def card(parts: Sequence[str]) -> str:
    """Return the parts of a card, those that are empty left out."""
    return "\n\n".join(part for part in parts if part) + "\n"
