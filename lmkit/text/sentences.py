"""Splits a text into sentences.

Choices:
- sentencex (Wikimedia) finds the ends: some 300 languages, native code, wheels for every platform.
  Of seven libraries tried on 356 sentences of fifteen English books it is the fastest, but takes
  a quotation for one sentence, however many it contains. Without its quotation marks, and with the
  rules below, it found more of them than the best other (nupunkt, F1 0.95), at twice its speed.
- A sentence doesn't begin with a lowercase letter, unless the complete block does: so a quotation
  that ends in ! or ? and the clause that follows it (`"Well?" said John.`) are one. The number of a
  list item belongs to the text that follows it, the number of a footnote to the text before it.
- A blank line ends a sentence. A line break does too, except where lines look wrapped at a fixed
  width: there it is a space.
- Long blocks are processed in a window: the library takes quadratic time where words have no spaces
  between them.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from lmkit.text.language_names import one_code

QUOTATION_MARKS = re.compile(
    '["\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u300a-\u300f_*]'
    r"|(?<!\w)['\u2018\u2019\u201a]|['\u2018\u2019](?!\w)"
)
"""Quotation marks, and characters of emphasis; an apostrophe inside a word isn't one."""
OPENING = frozenset("\u201c\u201e\u2018\u201a\u300a\u300c\u300e")
"""Quotation marks that open a quotation, even without a space before them."""
FIRST_LETTER = re.compile(r"[^\w]*([^\W\d_])")
WORD = re.compile(r"\w")
LIST_NUMBER = re.compile(r"\W?(?:\d{1,3}|[A-Za-z]|[ivxlIVXL]{1,6})[.)]\W*")
FOOTNOTE = re.compile(r"[\[({]\w{1,4}[\])}]")
CONTINUED = (
    (re.compile(r"(?:^|\s)(?:डॉ|प्रो|श्री|सुश्री|पं)\.$"), re.compile("")),  # titles
    (re.compile("[」』]$"), re.compile(r"と|って")),  # what was said, then: said he
    (
        re.compile(r"(?:^|\s)[0-3]?\d\.$"),
        re.compile("Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|Nov|Dez"),
    ),
)
"""Ends and beginnings between which there is no end of a sentence, in Hindi, Japanese, German."""
KHMER_END = re.compile("[។៕]+")
BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)*\n")
WRAPPED = range(40, 101)
"""Consecutive lines of these lengths were wrapped at a fixed width."""
WINDOW = 2_000
MAX_SENTENCE = 8_000
"""Characters without a sentence end, after which a space is taken for one."""
Span = tuple[int, int]


def sentences(text: str, language: object = None) -> list[Span]:
    r"""Return the start and stop of each sentence; between them there is only white space.

    >>> text = 'A title\n\n"Well?" said Mr. Smith. "Go on!"\n'
    >>> [text[start:stop] for start, stop in sentences(text)]
    ['A title', '"Well?" said Mr. Smith.', '"Go on!"']
    """
    code = language_code(language)
    return [span for block in blocks(text) for span in _sentences_of(text, block, code)]


def one_per_line(text: str, language: object = None) -> str:
    r"""Return a text with one sentence per line; blank lines between sentences are kept.

    >>> one_per_line("It rains. It pours.\n\n\nNow then!")
    'It rains.\nIt pours.\n\nNow then!'
    """
    pieces: list[str] = []
    before = 0
    for start, stop in sentences(text, language):
        if pieces:
            pieces.append("\n\n" if BLANK.search(text, before, start) else "\n")
        pieces.append(" ".join(line.strip() for line in text[start:stop].split("\n")))
        before = stop
    return "".join(pieces)


def language_code(language: object) -> str:
    """Return the code of a language, in whatever form it is given; English if it isn't known.

    >>> language_code("de-AT"), language_code("fra,eng"), language_code("Finnish")
    ('de', 'fr', 'fi')
    >>> language_code(None), language_code("python"), language_code("und")
    ('en', 'en', 'en')
    """
    if not isinstance(language, str):
        return "en"
    name = one_code(language) or re.split(r"[^A-Za-z]", language.strip().lower(), maxsplit=1)[0]
    return name if len(name) == 2 or (len(name) == 3 and name not in {"und", "mul"}) else "en"


def blocks(text: str) -> Iterator[Span]:
    r"""Yield the blocks of a text, at whose ends a sentence must end: paragraphs, or lines.

    >>> list(blocks("Title\nText.\n\n  More."))
    [(0, 5), (6, 11), (13, 20)]
    """
    lines: list[Span] = []
    start = 0
    for line in text.split("\n"):
        stop = start + len(line)
        if line.strip():  # a carriage return belongs to the line feed
            lines.append((start, stop - line.endswith("\r")))
        elif lines:
            yield from _merged_if_wrapped(lines)
            lines = []
        start = stop + 1
    if lines:
        yield from _merged_if_wrapped(lines)


def _merged_if_wrapped(lines: list[Span]) -> list[Span]:
    """Return the lines of a block, or the block as one span if its lines are wrapped."""
    wrapped = sum(stop - start in WRAPPED for start, stop in lines[:-1])
    short = lines[-1][1] - lines[-1][0] < WRAPPED.stop
    if len(lines) > 1 and short and wrapped >= 0.8 * (len(lines) - 1):
        return [(lines[0][0], lines[-1][1])]
    return lines


def _sentences_of(text: str, block: Span, language: str) -> Iterator[Span]:
    """Yield the sentences of a block."""
    start, stop = block
    piece = text[start:stop].replace("\n", " ")
    begins = [0, *_begins(piece, language), len(piece)]
    for first, last in pairwise(begins):
        sentence = piece[first:last]
        left = len(sentence) - len(sentence.lstrip())
        if left < len(sentence):
            yield start + first + left, start + first + len(sentence.rstrip())


def _begins(piece: str, language: str) -> Iterator[int]:
    """Yield the offsets of the second sentence and those that follow."""
    found = _found(piece, language)
    khmer = (match.end() for match in KHMER_END.finditer(piece) if match.end() < len(piece))
    found = sorted({*found, *khmer})
    first = FIRST_LETTER.match(piece)
    lowercase_text = first is not None and first[1].islower()
    before = 0
    for position, stop in pairwise([*found, len(piece)]):
        following = FIRST_LETTER.match(piece, position, stop)
        lowercase = following is not None and following[1].islower() and not lowercase_text
        sentence = piece[position:stop].strip()
        joins = lowercase or FOOTNOTE.fullmatch(sentence) or not WORD.search(sentence)
        end = piece[max(before, position - 20) : position].rstrip()
        joins = joins or any(one.search(end) and other.match(sentence) for one, other in CONTINUED)
        if not joins and not LIST_NUMBER.fullmatch(piece[before:position].strip()):
            yield position
            before = position


def _found(piece: str, language: str) -> list[int]:
    """Return where sentences begin according to the library, without the first one."""
    from sentencex import segment  # type: ignore[attr-defined] (no stubs)

    bare, kept = _without_quotation_marks(piece)
    found: list[int] = []
    start, window = 0, WINDOW
    while start < len(bare):
        visible = bare[start : start + window]
        sizes = [len(sentence) for sentence in segment(language, visible)]
        if start + window < len(bare):
            if len(sizes) == 1 and window < MAX_SENTENCE:
                window *= 2
                continue
            # The last sentence may continue after the window.
            sizes = sizes[:-1] or [visible.rfind(" ") + 1 or len(visible)]
        window = WINDOW
        for size in sizes:
            start += size
            if start < len(bare):
                found.append(_first_quotation_mark(piece, _original_position(kept, start)))
    return found


def _without_quotation_marks(piece: str) -> tuple[str, list[Span]]:
    """Return a text without quotation marks, and its parts: their offsets in it and in the text."""
    parts: list[str] = []
    kept: list[Span] = []
    begin = size = 0
    for match in [*QUOTATION_MARKS.finditer(piece), None]:
        stop = match.start() if match else len(piece)
        if stop > begin:
            parts.append(piece[begin:stop])
            kept.append((size, begin))
            size += stop - begin
        begin = match.end() if match else stop
    return "".join(parts), kept


def _original_position(kept: list[Span], position: int) -> int:
    """Map an offset in the text without quotation marks to an offset in the text."""
    size, begin = kept[bisect_right(kept, position, key=lambda part: part[0]) - 1]
    return begin + position - size


def _first_quotation_mark(piece: str, position: int) -> int:
    """Return the offset of the quotation marks that open the sentence at a position."""
    while position < len(piece) - 1 and piece[position].isspace():
        position += 1
    first = position
    while first and QUOTATION_MARKS.match(piece, first - 1):
        first -= 1
    if first == 0 or piece[first - 1].isspace():
        return first
    while position > first and piece[position - 1] in OPENING:
        position -= 1
    return position
