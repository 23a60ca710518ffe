"""Splits documents into sentences, and long ones into parts that refer to one another.

    metadata.sentences   [[0, 17], [18, 40]]: start and stop of each in the text, in characters
    metadata.part        {"of": id of the full document, "number", "count", "start", "after"}

Choices:
- Documents are judged before they are split: a part has less evidence than the full document.
- The language is that of the metadata, whichever tool identified it; else English.
- A part doesn't end within a character that a reader sees as one (see graphemes.py), unless that
  one alone is too long.
- Parts have the metadata of the full document. Their ids are its id and their number.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from lmkit.artifacts.documents_file import Document, Outcome
from lmkit.text.graphemes import continues, last_boundary
from lmkit.text.sentences import Span, blocks, one_per_line, sentences

SentenceFormat = Literal["offsets", "lines"]


def segmented(
    outcomes: Iterable[Outcome], sentence_format: SentenceFormat | None, max_characters: int | None
) -> Iterator[Outcome]:
    """Split the documents of a stream into sentences, and into parts of `max_characters`."""
    for outcome in outcomes:
        if not isinstance(outcome, Document):
            yield outcome
            continue
        language = outcome.metadata.get("language")
        if sentence_format == "lines":
            outcome = outcome.with_text(one_per_line(outcome.text, language))
        for document in _split(outcome, max_characters, language):
            if sentence_format == "offsets":
                spans = [list(span) for span in sentences(document.text, language)]
                metadata = {**document.metadata, "sentences": spans}
                yield replace(document, metadata=metadata)
            else:
                yield document


def _split(document: Document, max_characters: int | None, language: object) -> Iterator[Document]:
    if max_characters is None or len(document.text) <= max_characters:
        yield document
        return
    found = parts(document.text, max_characters, language)
    for number, part in enumerate(found):
        link = {"of": document.id, "number": number, "count": len(found)}
        link |= {"start": part.start, "after": part.after}
        yield Document(
            f"{document.id}#{number}",
            part.text,
            document.source,
            {**document.metadata, "part": link},
        )


@dataclass(frozen=True)
class Part:
    """A part of a text, its offset, and the white space that follows it."""

    start: int
    text: str
    after: str


def parts(text: str, max_characters: int, language: object = None) -> list[Part]:
    r"""Split a text into parts of at most so many characters.

    >>> [(part.text, part.after) for part in parts("A title\n\nIt rains. It pours.\n", 10)]
    [('A title', '\n\n'), ('It rains.', ' '), ('It pours.', '\n')]
    """
    if len(text) <= max_characters:
        return [Part(0, text, "")]
    spans: list[Span] = []
    for start, stop in _units(text, max_characters, language):
        if spans and stop - spans[-1][0] <= max_characters:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    if not spans:  # only white space
        return [Part(0, text[:max_characters], text[max_characters:])]
    spans[0] = (0, spans[0][1])  # with leading white space
    followers = [start for start, _ in spans[1:]]
    return [
        Part(start, text[start:stop], text[stop:following])
        for (start, stop), following in zip(spans, [*followers, len(text)], strict=True)
    ]


def _units(text: str, max_characters: int, language: object) -> Iterator[Span]:
    """Yield the largest units that fit into a part; between them there is only white space."""
    for start, stop in blocks(text):
        if stop - start <= max_characters:
            yield start, stop
            continue
        for first, last in sentences(text[start:stop], language):
            if last - first <= max_characters:
                yield start + first, start + last
            else:
                yield from _words(text, start + first, start + last, max_characters)


def _words(text: str, start: int, stop: int, max_characters: int) -> Iterator[Span]:
    """Yield spans of a text that end at a word boundary, if there is one."""
    while stop - start > max_characters:
        stop_at = start + max_characters
        space = max(
            text.rfind(" ", start + 1, stop_at + 1), text.rfind("\n", start + 1, stop_at + 1)
        )
        while space > start and continues(text, space + 1):  # a mark on a space
            space = text.rfind(" ", start + 1, space)
        if space < 0:
            stop_at = last_boundary(text, start, stop_at)
            yield start, stop_at
            start = stop_at
            continue
        yield start, start + len(text[start:space].rstrip())
        start = space
        while start < stop and text[start].isspace():
            start += 1
    if start < stop:
        yield start, stop
