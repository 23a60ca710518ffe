"""Language identification, with a probability.

Choices:
- The model is py3langid's: naive Bayes over byte n-grams, 139 languages and `zxx` for text that is
  no language, plain arrays in a wheel that runs anywhere. Of the models that come in a wheel it was
  the best on the Universal Declaration (tests/benchmarks/languages.py prints the table).
- Its arithmetic is done here for many texts at once, with numpy: its own loop over the bytes takes
  one text at a time, and some 2 microseconds per character.
- A long text is judged by five samples of 200 characters, and the probabilities are averaged: a
  page that is half in another language gets half the score, and a book costs as much as a page.
- A document's score is the summed probability of all requested languages: with Norwegian and
  Danish requested, it doesn't matter that a short text may be either.
- Codes are ISO 639-1 where a language has one, else 639-3. Serbian, Croatian and Bosnian are so
  similar that they are often confused: request all three (sr,hr,bs).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from lmkit.text.language_codes import UNKNOWN

SAMPLES = 5
SAMPLE_CHARACTERS = 200
WINDOWS_AT_ONCE = 256


class Identifier:
    """Identifies languages; loading takes half a second, and some 150 MB."""

    def __init__(self) -> None:
        model: Any = LanguageIdentifier.from_model_file(MODEL_FILE)
        self._next = np.frombuffer(model.tk_nextmove, f"u{model.tk_nextmove.itemsize}")
        self._row = np.frombuffer(model.tk_row, f"u{model.tk_row.itemsize}").astype(np.int64) << 8
        self._feature = np.array(model.tk_output, np.int32)
        self._weights: NDArray[np.float32] = model.nb_ptc.astype(np.float32)
        self._prior: NDArray[Any] = model.nb_pc
        self.languages: list[str] = [*dict.fromkeys(model.nb_classes)]
        """In the order of the columns of `probabilities`."""
        # A language in two scripts has two columns.
        columns = [self.languages.index(name) for name in model.nb_classes]
        self._fold = np.zeros((len(columns), len(self.languages)), np.float32)
        self._fold[np.arange(len(columns)), columns] = 1

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a row per text, a column per language; zeros where there are no features.

        >>> identifier = identifier_for_process()
        >>> rows = identifier.probabilities(["Das ist der Anfang.", "12 34"])
        >>> identifier.label(rows[0])[0]
        'de'
        """
        parts = [[_encoded(part) for part in samples(text)] for text in texts]
        flat = [part for group in parts for part in group]
        found = np.concatenate(
            [
                np.zeros((0, len(self.languages)), np.float32),
                *(
                    self._windows(flat[start : start + WINDOWS_AT_ONCE])
                    for start in range(0, len(flat), WINDOWS_AT_ONCE)
                ),
            ]
        )
        has_features = np.array(found.any(axis=1), np.float32)
        rows = np.zeros((len(texts), len(self.languages)), np.float32)
        at = 0
        for number, group in enumerate(parts):
            one = slice(at, at + len(group))
            rows[number] = found[one].sum(axis=0) / max(1.0, has_features[one].sum())
            at += len(group)
        return rows

    def label(self, row: NDArray[np.float32]) -> tuple[str, float]:
        """Return the most probable language of a row, and its probability."""
        best = int(row.argmax())
        score = round(float(row[best]), 4)
        return (self.languages[best], score) if score else (UNKNOWN, 0.0)

    def _windows(self, encoded: Sequence[bytes]) -> NDArray[np.float32]:
        """Score some samples of text."""
        owner, features = self._walk(encoded)
        key, times = np.unique(owner * len(self._weights) + features, return_counts=True)
        owner, features = np.divmod(key, len(self._weights))
        weights = np.log1p(times.astype(np.float32))
        scores = np.zeros((len(encoded), len(self._prior)), np.float32)
        some, first = np.unique(owner, return_index=True)
        if not len(some):
            return scores[:, : len(self.languages)]
        ends = [*first[1:], len(owner)]
        sums = np.stack(
            [weights[a:b] @ self._weights[features[a:b]] for a, b in zip(first, ends, strict=True)]
        )
        # Divided by the root of the length, as the model was calibrated.
        size = np.array([len(encoded[number]) for number in some], np.float32)
        sums = (sums + self._prior) / np.sqrt(size)[:, None]
        likely = np.exp(sums - sums.max(axis=1, keepdims=True))
        scores[some] = likely / likely.sum(axis=1, keepdims=True)
        return scores @ self._fold

    def _walk(self, encoded: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Run the model's automaton over all samples in parallel: the n-grams of each sample."""
        order = sorted(range(len(encoded)), key=lambda number: -len(encoded[number]))
        longest = len(encoded[order[0]])
        bytes_of = np.zeros((len(encoded), longest), np.uint8)
        for row, number in enumerate(order):
            piece = np.frombuffer(encoded[number], np.uint8)
            bytes_of[row, : len(piece)] = piece
        by_position = np.ascontiguousarray(bytes_of.T)
        size = np.array([len(encoded[number]) for number in order])
        still = np.searchsorted(-size, -np.arange(longest), "left")  # how many are longer
        features = np.full((longest, len(encoded)), -1, np.int64)
        state = np.zeros(len(encoded), np.int64)
        for position in range(longest):
            count = still[position]
            state = self._next[self._row[state[:count]] + by_position[position, :count]]
            features[position, :count] = self._feature[state]
        position, row = np.nonzero(features >= 0)
        return np.array(order, np.int64)[row], features[position, row]


@cache
def identifier_for_process() -> Identifier:
    """Return this process's model."""
    return Identifier()


def samples(text: str) -> list[str]:
    """Return the samples of a text that are scored, with white space collapsed.

    >>> len(samples("word " * 10_000))
    5
    """
    count = min(SAMPLES, -(-len(text) // SAMPLE_CHARACTERS))
    if count < 2:
        return [" ".join(text.split())]
    step = (len(text) - SAMPLE_CHARACTERS) / (count - 1)
    starts = [round(number * step) for number in range(count)]
    return [" ".join(text[start : start + SAMPLE_CHARACTERS].split()) for start in starts]


def _encoded(text: str) -> bytes:
    if text.isupper():
        text = text.lower()
    return normalize("NFC", text).encode("utf-8", "surrogatepass")
