"""Documents with their sentences marked, and long ones in parts that know of one another.

    metadata.sentences   [[0, 17], [18, 40]]: where each begins and ends in the text, in characters
    metadata.part        {"of": id of the whole, "number", "count", "start", "after"}

Choices:
- The whole document is judged before: a part says less than the whole does.
- The language is what the metadata says, whoever found it out; else English.
- Parts carry what is known of the whole. Their ids are that of the whole and their number.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from lmkit.artifacts.documents_file import Document, Outcome
from lmkit.text.sentences import Span, one_a_line, sentences, stretches

Marking = Literal["offsets", "lines"]


def segmented(
    outcomes: Iterable[Outcome], marking: Marking | None, most: int | None
) -> Iterator[Outcome]:
    """Mark the sentences of the documents in a stream, and cut those over `most` characters."""
    for outcome in outcomes:
        if not isinstance(outcome, Document):
            yield outcome
            continue
        language = outcome.metadata.get("language")
        if marking == "lines":
            outcome = outcome.with_text(one_a_line(outcome.text, language))
        for document in _parted(outcome, most, language):
            if marking == "offsets":
                spans = [list(span) for span in sentences(document.text, language)]
                metadata = {**document.metadata, "sentences": spans}
                yield replace(document, metadata=metadata)
            else:
                yield document


def _parted(document: Document, most: int | None, language: object) -> Iterator[Document]:
    if most is None or len(document.text) <= most:
        yield document
        return
    found = parts(document.text, most, language)
    for number, part in enumerate(found):
        link = {"of": document.id, "number": number, "count": len(found)}
        link |= {"start": part.start, "after": part.after}
        yield Document(
            f"{document.id}#{number}",
            part.text,
            document.source,
            {**document.metadata, "part": link},
        )


JOINERS = "\u200d\ufe0e\ufe0f"
LONGEST_CHARACTER = 32
"""Code points that are looked at for where a character ends."""


@dataclass(frozen=True)
class Part:
    """A part of a text, where it begins there, and the white space that follows."""

    start: int
    text: str
    after: str


def parts(text: str, most: int, language: object = None) -> list[Part]:
    r"""Cut a text in parts of at most so many characters.

    >>> [(part.text, part.after) for part in parts("A title\n\nIt rains. It pours.\n", 10)]
    [('A title', '\n\n'), ('It rains.', ' '), ('It pours.', '\n')]
    """
    if len(text) <= most:
        return [Part(0, text, "")]
    spans: list[Span] = []
    for start, stop in _atoms(text, most, language):
        if spans and stop - spans[-1][0] <= most:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    if not spans:
        return [Part(0, text, "")]
    spans[0] = (0, spans[0][1])  # with the white space that it may begin with
    followers = [start for start, _ in spans[1:]]
    return [
        Part(start, text[start:stop], text[stop:following])
        for (start, stop), following in zip(spans, [*followers, len(text)], strict=True)
    ]


def _atoms(text: str, most: int, language: object) -> Iterator[Span]:
    """Yield what has room in a part, as large as it comes; between them lies white space."""
    for start, stop in stretches(text):
        if stop - start <= most:
            yield start, stop
            continue
        for first, last in sentences(text[start:stop], language):
            if last - first <= most:
                yield start + first, start + last
            else:
                yield from _words(text, start + first, start + last, most)


def _words(text: str, start: int, stop: int, most: int) -> Iterator[Span]:
    """Yield stretches of a text that end where a word does, if one ends in time."""
    while stop - start > most:
        cut = start + most
        space = max(text.rfind(" ", start + 1, cut + 1), text.rfind("\n", start + 1, cut + 1))
        if space < 0:
            places = range(cut, max(start, cut - LONGEST_CHARACTER), -1)
            cut = next((place for place in places if not _goes_on(text, place)), cut)
            yield start, cut
            start = cut
            continue
        yield start, start + len(text[start:space].rstrip())
        start = space
        while start < stop and text[start].isspace():
            start += 1
    if start < stop:
        yield start, stop


def _goes_on(text: str, place: int) -> bool:
    """Tell whether a character is one with that before it: an accent, or a joined emoji."""
    return (
        unicodedata.combining(text[place]) > 0
        or text[place] in JOINERS
        or text[place - 1] == JOINERS[0]
    )
