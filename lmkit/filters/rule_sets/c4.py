"""C4's rules for lines and documents (Raffel et al. 2020, arXiv 1910.10683, section 2.2).

The paper and the code of the published data differ; `c4_lines` says how.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from lmkit.config import Group
from lmkit.filters.rule_set import Count, RuleSet


class C4(Group):
    """Lines and documents, as for C4 (Raffel et al. 2020); c4-paper and c4-code differ in three."""

    max_lorem_ipsum_lines: Count | None = 0
    """Drop texts with more lines that contain 'lorem ipsum'."""

    max_curly_bracket_lines: Count | None = 0
    """Drop texts with more lines that contain a curly bracket."""

    min_sentences: Count | None = None
    """Drop texts with fewer sentences in the lines that are kept [5, or 3 with c4-code]."""

    min_line_words: Annotated[int, Field(ge=1)] | None = None
    """Cut lines with fewer words [3, or 5 with c4-code]."""

    end_marks: Literal["quotes", "strict", "any"] | None = None
    """Cut lines that don't end with . ? ! or a quotation mark, any or double; any: cut none."""

    cut_lines: bool = True
    """Cut the lines that C4 wouldn't keep; otherwise they only don't count."""


class C4Rules(RuleSet):
    """Limits for the lines that are kept; the others are cut."""

    names = ("c4-paper", "c4-code")
    group = "c4"
    options = C4
    not_limits = frozenset({"min_line_words"})
    variants = {  # noqa: RUF012
        "c4-paper": {"min_sentences": 5, "min_line_words": 3, "end_marks": "quotes"},
        "c4-code": {"min_sentences": 3, "min_line_words": 5, "end_marks": "strict"},
    }
    for_english = frozenset(names)
    advice = {  # noqa: RUF012
        "c4": "--filters.c4.end-marks any --filters.c4.min-sentences none "
        "--filters.c4.min-line-words 1"
    }
    measurer = "lmkit.filters.word_signals.measurer_of"

    @classmethod
    def check(cls, filters: Any) -> None:
        """Refuse both variants at once."""
        if set(cls.names) <= set(filters.rules):
            raise ValueError("--filters.rules: got c4-paper and c4-code, must be one of the two")
