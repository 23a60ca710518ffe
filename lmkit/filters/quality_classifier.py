"""A quality classifier: logistic regression on hashed n-grams of words.

    work/classifier/classifier.json   what the features are, and the intercept
    work/classifier/weights.npy       a weight per bucket

Legend: D buckets, F features of all texts together, T texts.

Choices:
- The model family of fastText (Joulin et al. 2017, arXiv 1607.01759) without a hidden layer: words
  and pairs of words, hashed. GPT-3 (Brown et al. 2020, appendix A) and DCLM (Li et al. 2024,
  section 4.4) filter with such models; DCLM finds none of the larger ones that it tries better.
- Words are in lower case, digits are 0, and punctuation marks are words. In scripts without spaces
  each character is a word, so that Chinese and Thai texts have features like any other.
- Counts are damped with a logarithm, and the vector of a text has length 1: a long text is no
  better than a short one. Only the start of a text is read, so a book costs as much as an article.
- Files hold numbers and JSON, never a pickle. Scores are rounded, so that sums whose last bit
  differs between machines give the same score.
"""

import math
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.counter_rng import splitmix64
from lmkit.errors import InputError
from lmkit.storage.array_header import read_array_header
from lmkit.storage.json_bytes import read_object
from lmkit.text.unspaced_scripts import UNSPACED_CLASS

WEIGHTS = "weights.npy"
DESCRIPTION = "classifier.json"
BUCKETS = 1 << 20
MAX_CHARACTERS = 20_000
"""Of a text, those after them aren't read."""
DIGITS = 4
"""Decimal places of a score."""
MAX_CACHED_WORDS = 1 << 20
ALONE = re.compile(f"[{UNSPACED_CLASS}]")
SPACED_WORDS = re.compile(r"\w+|[^\w\s]")
WORDS = re.compile(rf"[{UNSPACED_CLASS}]|(?:(?![{UNSPACED_CLASS}])\w)+|[^\w\s]")
"""The same where each character of a script without spaces is a word: three times slower."""
ZEROS = str.maketrans("123456789", "0" * 9)
FEATURES = {"format": 1, "words": 2, "buckets": BUCKETS, "max_characters": MAX_CHARACTERS}
"""What determines the features; a classifier with others is refused."""


class Features(NamedTuple):
    """The features of texts: those of text t are `starts_T[t]` up to the next start."""

    buckets_F: NDArray[np.uint32]
    values_F: NDArray[np.float32]
    starts_T: NDArray[np.int64]

    def dot(self, weights_D: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the weighted sum of the features of each text; every text has one or more."""
        products = weights_D[self.buckets_F].astype(np.float64) * self.values_F
        return np.add.reduceat(products, self.starts_T) if len(self.starts_T) else np.zeros(0)


def features_of(texts: Sequence[str]) -> Features:
    """Return the features of texts. A text without words has one feature of value 0."""
    hashes = [_hashes(text[:MAX_CHARACTERS]) for text in texts]
    counts = np.array([len(one) for one in hashes], np.int64)
    words = np.array([h for one in hashes for h in one], np.uint64)
    text_of = np.repeat(np.arange(len(texts), dtype=np.uint64), counts)
    is_pair = text_of[1:] == text_of[:-1]
    pairs = splitmix64(words[:-1] * np.uint64(0x9E3779B97F4A7C15) + words[1:])[is_pair]
    grams = np.concatenate([splitmix64(words), pairs]) % np.uint64(BUCKETS)
    owners = np.concatenate([text_of, text_of[1:][is_pair]])
    distinct, times = np.unique(owners * np.uint64(BUCKETS) + grams, return_counts=True)
    owners = (distinct // np.uint64(BUCKETS)).astype(np.int64)
    values = 1 + np.log(times)
    lengths = np.sqrt(np.bincount(owners, values**2, len(texts)))
    values = values / lengths[owners]
    buckets = (distinct % np.uint64(BUCKETS)).astype(np.uint32)
    if not counts.all():
        bare = np.flatnonzero(counts == 0)
        order = np.argsort(np.concatenate([owners, bare]), kind="stable")
        owners = np.concatenate([owners, bare])[order]
        buckets = np.concatenate([buckets, np.zeros(len(bare), np.uint32)])[order]
        values = np.concatenate([values, np.zeros(len(bare))])[order]
    starts = np.searchsorted(owners, np.arange(len(texts)))
    return Features(buckets, values.astype(np.float32), starts)


_known: dict[str, int] = {}
"""Hashes of the words that this process has met."""


def _hashes(text: str) -> list[int]:
    """Return a hash of each word of a text."""
    if len(_known) > MAX_CACHED_WORDS:
        _known.clear()
    pattern = SPACED_WORDS if text.isascii() or not ALONE.search(text) else WORDS
    found = pattern.findall(text.lower())
    try:
        return [_known[word] for word in found]
    except KeyError:
        for word in found:
            if word not in _known:
                _known[word] = zlib.crc32(word.translate(ZEROS).encode("utf-8", "surrogatepass"))
        return [_known[word] for word in found]


def _weights(path: Path) -> NDArray[np.float32]:
    """Read the weights; OSError or ValueError for anything else."""
    with path.open("rb") as file:
        shape, _, dtype = read_array_header(file)
        if shape != (BUCKETS,) or dtype != np.float32:
            raise ValueError("wrong shape or type")
        weights_D = np.frombuffer(file.read(BUCKETS * dtype.itemsize + 1), dtype)
    if weights_D.shape != shape or not np.isfinite(weights_D).all():
        raise ValueError("its weights aren't whole, or not finite")
    return weights_D


class QualityClassifier:
    """Scores texts: the probability that one is good, if good and ordinary ones were as many."""

    def __init__(self, weights_D: NDArray[np.float32], intercept: float) -> None:
        self.weights_D, self.intercept = weights_D, intercept

    @classmethod
    def load(cls, folder: Path) -> "QualityClassifier":
        """Read a folder that train-classifier wrote.

        Raises InputError naming a file that is missing or damaged.
        """
        path = folder / DESCRIPTION
        hint = "name a folder that lmkit train-classifier wrote"
        try:
            known = read_object(path)
            if known["features"] != FEATURES:
                raise InputError(f"{path}: made for other features: {known['features']}", hint)
            path = folder / WEIGHTS
            weights_D = _weights(path)
            intercept = float(known["intercept"])
            if not math.isfinite(intercept):
                raise ValueError("its intercept isn't finite")
        except (OSError, ValueError, KeyError, TypeError, EOFError, OverflowError) as error:
            raise InputError(f"{path}: not a classifier: {error}", hint) from None
        return cls(weights_D, intercept)

    @staticmethod
    def state(folder: Path) -> tuple[str, int]:
        """Return what changes where another classifier takes the place of one."""
        return str(folder.resolve()), (folder / WEIGHTS).stat().st_mtime_ns

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return a score from 0 to 1 of each text."""
        logits = self.intercept + features_of(texts).dot(self.weights_D)
        return (1 / (1 + np.exp(-logits))).round(DIGITS)
