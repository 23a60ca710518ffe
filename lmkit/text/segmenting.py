"""Documents with their sentences marked, and long ones in parts that know of one another.

    metadata.sentences   [[0, 17], [18, 40]]: where each begins and ends in the text, in characters
    metadata.part        {"of": id of the whole, "number", "count", "start", "after"}

Choices:
- The whole document is judged before: a part says less than the whole does.
- The language is what the metadata says, whoever found it out; else English.
- Parts carry what is known of the whole. Their ids are that of the whole and their number.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from lmkit.artifacts.documents import Document, Outcome
from lmkit.text.parts import parts
from lmkit.text.sentences import one_a_line, sentences

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
