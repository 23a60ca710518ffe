"""What documents get to know about themselves before they are judged: their language.

Choices:
- The label goes to `metadata.language`, its probability to `metadata.language_score`. What a
  document said of itself and the model doesn't confirm is kept as `metadata.stated_language`:
  half of the web pages that state a language state the one that their software came with.
- A region is no contradiction: `en-US` is `en`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document
from lmkit.text.language_codes import EVERY
from lmkit.text.language_id import UNKNOWN, identifier_for_process

DIGITS = 4


class LanguageLabeller:
    """Labels documents, and says how probable the wanted languages are."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._identifier = identifier_for_process()
        names = self._identifier.languages
        self._columns = [names.index(code) for code in wanted if code != EVERY]

    def label(self, documents: Sequence[Document]) -> tuple[list[Document], dict[str, Any]]:
        """Return the documents with their labels, and the numbers by the names of measures."""
        rows = self._identifier.probabilities([document.text for document in documents])
        found = [self._identifier.label(row) for row in rows]
        labelled = [
            _labelled(document, *one) for document, one in zip(documents, found, strict=True)
        ]
        numbers: dict[str, NDArray[Any]] = {"language.score": np.array([s for _, s in found])}
        if self._columns:
            wanted = rows[:, self._columns].astype(np.float64).sum(axis=1)
            numbers["language.wanted"] = wanted.round(DIGITS)
        return labelled, numbers


def spoken(metadata: Mapping[str, Any]) -> str | None:
    """Return the language that metadata name, without its region.

    >>> spoken({"language": "en_US"})
    'en'
    """
    stated = metadata.get("language")
    if not isinstance(stated, str) or stated == UNKNOWN:
        return None
    return stated.lower().replace("_", "-").partition("-")[0] or None


def _labelled(document: Document, language: str, score: float) -> Document:
    metadata = {**document.metadata}
    stated = metadata.get("language")
    if stated and spoken(metadata) != language:
        metadata.setdefault("stated_language", stated)
    return replace(document, metadata=metadata | {"language": language, "language_score": score})
