"""C4's rules for one line.

Sources: Raffel et al. 2020, section 2.2, as datatrove 0.10.1 implements it; and the code of the
published data (tensorflow_datasets, text/c4_utils.py). They differ: the code requires five words
per line and three sentences where the paper requires three and five, counts words after citations
are removed, and doesn't accept ' as an end mark.
"""

import re
from typing import Literal, NamedTuple

from lmkit.filters.chunk_table import MAX_WORD, ChunkTable

CITATION = re.compile(r"\[(?:\d*|edit|citation needed)\]")
POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
PIECE = re.compile(r"\s+|\S+")
LineVerdict = Literal["keep", "drop", "lorem_ipsum", "curly_bracket"]


class LineRules(NamedTuple):
    """Requirements for a line."""

    min_words: int
    end_marks: str | None
    count_after_citations: bool


def judge_line(line: str, rules: LineRules) -> tuple[LineVerdict, str]:
    """Judge a stripped line; return the verdict, and the line without citations.

    >>> judge_line("So it is.[2]", LineRules(3, ".?!", False))
    ('keep', 'So it is.')
    """
    words = line.split()
    if any(len(word) > MAX_WORD for word in words):
        return "drop", ""
    if "[" in line:
        line = CITATION.sub("", line)
        words = line.split() if rules.count_after_citations else words
    if rules.end_marks and (not line.endswith((*rules.end_marks,)) or line.endswith("...")):
        return "drop", ""
    if len(words) < rules.min_words:
        return "drop", ""
    low = line.lower()
    if "lorem ipsum" in low:
        return "lorem_ipsum", ""
    if "javascript" in low:
        return "drop", ""
    if "{" in line:
        return "curly_bracket", ""
    if any(phrase in low for phrase in POLICY):
        return "drop", ""
    return "keep", line


def count_sentences(line: str, table: ChunkTable) -> int:
    """Count sentences word by word, as spaCy's sentencizer does: end marks, then a word.

    White space other than a single space counts as a word there.

    >>> count_sentences('"Stop!" he said. I did.', ChunkTable())
    3
    """
    count, ended = 1, False
    for piece in PIECE.findall(line):
        if piece == " ":
            continue
        kinds = [0] if piece.isspace() else table.kinds(piece)
        for kind in kinds:
            if kind == 1:
                ended = True
            elif kind == 0 and ended:
                count += 1
                ended = False
    return count
