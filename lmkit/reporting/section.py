"""A section of the page."""

from collections.abc import Callable
from dataclasses import dataclass

from lmkit.reporting.escaped_html import Html, element
from lmkit.reporting.report_data import ReportData


@dataclass(frozen=True)
class Section:
    """A title, the name of the link to it, and what follows."""

    title: str
    anchor: str
    content: Html

    def shown(self) -> Html:
        """Return the section as markup."""
        return element(
            "section", element("h2", self.title), self.content, id=self.anchor, tabindex=-1
        )


MakeSection = Callable[[ReportData], Section | None]
"""Makes a section; None where the folders hold nothing to show in it."""
