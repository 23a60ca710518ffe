"""What a result looks like in a Python shell and in a notebook: a few lines, or a small table.

Choices:
- A manifest holds every file and option, 15 kB and more: it is shown as a command's last line is.
  Its fields are all there, as attributes.
- Names and texts come from anywhere: what isn't printable is shown as an escape, and in HTML what
  could be markup too.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from html import escape

from lmkit.execution.tables import plain, printable


class ShortView(ABC):
    """A result with a short repr, and a table in notebooks."""

    @abstractmethod
    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return a title, and the facts below it by name."""

    def __repr__(self) -> str:
        title, facts = self.short_view()
        lines = plain({"": {name: printable(text) for name, text in facts.items()}}).splitlines()
        return "\n".join([f"<{printable(title)}>", *lines[1:]])

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        title, facts = self.short_view()
        rows = "".join(
            f"<tr><th>{escape(printable(name))}</th><td>{escape(printable(text))}</td></tr>"
            for name, text in facts.items()
        )
        return f"<table><caption>{escape(printable(title))}</caption>{rows}</table>"
