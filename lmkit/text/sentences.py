"""Where the sentences of a text begin and end.

Choices:
- sentencex (Wikimedia) finds the ends: some 300 languages, native code, wheels for every platform.
  Of seven libraries tried on 356 sentences of fifteen English books it is the fastest, but takes
  a quotation for one sentence, however many it holds. Without its quotation marks, and with the
  rules below, it found more of them than the best other (nupunkt, F1 0.95), at twice its speed.
- A sentence doesn't begin with a small letter, unless the whole stretch does: so a quotation that
  ends in ! or ? and what is said about it (`"Well?" said John.`) are one. A number of a list goes
  with what it counts, the number of a footnote with what it stands behind.
- A blank line is the end of a sentence. A line break is one too, except where lines look wrapped
  at a width: there it is a space.
- Long stretches go through a window: the library takes quadratic time where words have no spaces
  between them.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

MARKS = re.compile(
    '["\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u300a-\u300f_*]'
    r"|(?<!\w)['\u2018\u2019\u201a]|['\u2018\u2019](?!\w)"
)
"""Quotation marks, and those of emphasis; an apostrophe inside a word is none."""
OPENING = frozenset("\u201c\u201e\u2018\u201a\u300a\u300c\u300e")
"""Those that open what follows, also where no space stands before them."""
SMALL = re.compile(r"[^\w]*([^\W\d_])")
WORD = re.compile(r"\w")
LIST_NUMBER = re.compile(r"\W?(?:\d{1,3}|[A-Za-z]|[ivxlIVXL]{1,6})[.)]\W*")
FOOTNOTE = re.compile(r"[\[({]\w{1,4}[\])}]")
BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)*\n")
WRAPPED = range(40, 101)
"""Lines of these lengths, one below the other, were broken at a width."""
WINDOW = 2_000
LONGEST = 8_000
"""Characters without an end, after which a space is taken for one."""
NAMES = {
    "english": "en",
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "finnish": "fi",
    "chinese": "zh",
    "japanese": "ja",
}
"""Languages as Project Gutenberg's headers name them."""
CODES = {
    **{"eng": "en", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "spa": "es", "ita": "it"},
    **{"por": "pt", "nld": "nl", "dut": "nl", "rus": "ru", "ukr": "uk", "pol": "pl", "ces": "cs"},
    **{"cze": "cs", "swe": "sv", "dan": "da", "nor": "no", "nob": "nb", "fin": "fi", "hun": "hu"},
    **{"ron": "ro", "rum": "ro", "ell": "el", "gre": "el", "tur": "tr", "ara": "ar", "heb": "he"},
    **{"hin": "hi", "ben": "bn", "jpn": "ja", "zho": "zh", "chi": "zh", "kor": "ko", "vie": "vi"},
    **{"bul": "bg", "srp": "sr", "hrv": "hr", "slk": "sk", "slv": "sl", "lit": "lt", "lav": "lv"},
    **{"est": "et", "cat": "ca", "glg": "gl", "eus": "eu", "fas": "fa", "per": "fa", "ind": "id"},
}
"""Codes of three letters (ISO 639-3 and 639-2), as Common Crawl's WET has them."""

Span = tuple[int, int]


def sentences(text: str, language: object = None) -> list[Span]:
    r"""Return where each sentence begins and ends; between them there is only white space.

    >>> text = 'A title\n\n"Well?" said Mr. Smith. "Go on!"\n'
    >>> [text[start:stop] for start, stop in sentences(text)]
    ['A title', '"Well?" said Mr. Smith.', '"Go on!"']
    """
    code = language_code(language)
    return [span for stretch in stretches(text) for span in _inside(text, stretch, code)]


def one_a_line(text: str, language: object = None) -> str:
    r"""Return a text with one sentence a line, and a blank line where there was one.

    >>> one_a_line("It rains. It pours.\n\n\nNow then!")
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
    """Return the code of a language, however it was written; English where it isn't known.

    >>> language_code("de-AT"), language_code("fra,eng"), language_code("Finnish")
    ('de', 'fr', 'fi')
    >>> language_code(None), language_code("python"), language_code("und")
    ('en', 'en', 'en')
    """
    if not isinstance(language, str):
        return "en"
    name = re.split(r"[^A-Za-z]", language.strip().lower(), maxsplit=1)[0]
    name = NAMES.get(name) or CODES.get(name) or name
    return name if len(name) == 2 or (len(name) == 3 and name not in {"und", "mul"}) else "en"


def stretches(text: str) -> Iterator[Span]:
    r"""Yield the stretches of a text at whose ends a sentence must end: paragraphs, or lines.

    >>> list(stretches("Title\nText.\n\n  More."))
    [(0, 5), (6, 11), (13, 20)]
    """
    block: list[Span] = []
    start = 0
    for line in text.split("\n"):
        stop = start + len(line)
        if line.strip():
            block.append((start, stop))
        elif block:
            yield from _parted(block)
            block = []
        start = stop + 1
    if block:
        yield from _parted(block)


def _parted(block: list[Span]) -> list[Span]:
    """Return the lines of a block, or the block as one where its lines are wrapped."""
    wrapped = sum(stop - start in WRAPPED for start, stop in block[:-1])
    short = block[-1][1] - block[-1][0] < WRAPPED.stop
    if len(block) > 1 and short and wrapped >= 0.8 * (len(block) - 1):
        return [(block[0][0], block[-1][1])]
    return block


def _inside(text: str, stretch: Span, language: str) -> Iterator[Span]:
    """Yield the sentences of a stretch."""
    start, stop = stretch
    piece = text[start:stop].replace("\n", " ")
    begins = [0, *_begins(piece, language), len(piece)]
    for first, last in pairwise(begins):
        sentence = piece[first:last]
        left = len(sentence) - len(sentence.lstrip())
        if left < len(sentence):
            yield start + first + left, start + first + len(sentence.rstrip())


def _begins(piece: str, language: str) -> Iterator[int]:
    """Yield where the second sentence and those that follow begin."""
    found = _found(piece, language)
    first = SMALL.match(piece)
    written_small = first is not None and first[1].islower()
    before = 0
    for place, stop in pairwise([*found, len(piece)]):
        following = SMALL.match(piece, place, stop)
        small = following is not None and following[1].islower() and not written_small
        sentence = piece[place:stop].strip()
        joins = small or FOOTNOTE.fullmatch(sentence) or not WORD.search(sentence)
        if not joins and not LIST_NUMBER.fullmatch(piece[before:place].strip()):
            yield place
            before = place


def _found(piece: str, language: str) -> list[int]:
    """Return where sentences begin in the library's opinion, the first one left out."""
    from sentencex import segment  # type: ignore[attr-defined] (no stubs)

    bare, kept = _without_marks(piece)
    found: list[int] = []
    start, window = 0, WINDOW
    while start < len(bare):
        seen = bare[start : start + window]
        sizes = [len(sentence) for sentence in segment(language, seen)]
        if start + window < len(bare):
            if len(sizes) == 1 and window < LONGEST:
                window *= 2
                continue
            # The last one may go on behind the window.
            sizes = sizes[:-1] or [seen.rfind(" ") + 1 or len(seen)]
        window = WINDOW
        for size in sizes:
            start += size
            if start < len(bare):
                found.append(_first_mark(piece, _place(kept, start)))
    return found


def _without_marks(piece: str) -> tuple[str, list[Span]]:
    """Return a text without marks, and its parts: where each begins there, and in the text."""
    parts: list[str] = []
    kept: list[Span] = []
    begin = size = 0
    for mark in [*MARKS.finditer(piece), None]:
        stop = mark.start() if mark else len(piece)
        if stop > begin:
            parts.append(piece[begin:stop])
            kept.append((size, begin))
            size += stop - begin
        begin = mark.end() if mark else stop
    return "".join(parts), kept


def _place(kept: list[Span], place: int) -> int:
    """Return where in the text something lies that lies at a place without its marks."""
    size, begin = kept[bisect_right(kept, place, key=lambda part: part[0]) - 1]
    return begin + place - size


def _first_mark(piece: str, place: int) -> int:
    """Return where the marks begin that open what begins at a place."""
    while place < len(piece) - 1 and piece[place].isspace():
        place += 1
    first = place
    while first and MARKS.match(piece, first - 1):
        first -= 1
    if first == 0 or piece[first - 1].isspace():
        return first
    while place > first and piece[place - 1] in OPENING:
        place -= 1
    return place
