"""Labels documents with their language, before they are judged.

Choices:
- The label is stored in `metadata.language`, its probability in `metadata.language_score`. If a
  document states a language that the model doesn't confirm, that is kept as
  `metadata.stated_language`: half of the web pages that state a language state the default of their
  software.
- A region or another spelling is no contradiction: `en-US` and `English` are `en`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.document import Document
from lmkit.text.language_codes import EVERY
from lmkit.text.language_id import identifier_for_process
from lmkit.text.language_names import base_language

DIGITS = 4


class LanguageLabeller:
    """Labels documents, and computes the probability of the requested languages."""

    def __init__(self, languages: Sequence[str]) -> None:
        self._identifier = identifier_for_process()
        names = self._identifier.languages
        self._columns = [names.index(code) for code in languages if code != EVERY]

    def label(self, documents: Sequence[Document]) -> tuple[list[Document], dict[str, Any]]:
        """Return the documents with their labels, and the signals by name."""
        rows = self._identifier.probabilities([document.text for document in documents])
        found = [self._identifier.label(row) for row in rows]
        labelled = [
            _labelled(document, *one) for document, one in zip(documents, found, strict=True)
        ]
        numbers: dict[str, NDArray[Any]] = {"language.score": np.array([s for _, s in found])}
        if self._columns:
            languages = rows[:, self._columns].astype(np.float64).sum(axis=1)
            numbers["language.wanted"] = languages.round(DIGITS)
        return labelled, numbers


def _labelled(document: Document, language: str, score: float) -> Document:
    metadata = {**document.metadata}
    stated = metadata.get("language")
    if stated and base_language(metadata) != language:
        metadata.setdefault("stated_language", stated)
    return replace(document, metadata=metadata | {"language": language, "language_score": score})
