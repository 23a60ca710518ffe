"""Sequences for tests of objectives. Special ids are 0 to 9, text from 10 on."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmkit.counter_rng import row_keys
from lmkit.packing.token_rows import SequenceBatch, TokenSequences

PAD, BOS, EOS, MASK, PREFIX, MIDDLE, SUFFIX, UNKNOWN = range(8)
SPECIAL = 10
VOCABULARY = 1_000
IS_ORDINARY_V = np.arange(VOCABULARY) >= SPECIAL


def with_bos_eos(text: Sequence[int]) -> list[int]:
    return [BOS, *text, EOS]


def token_rows(documents: Sequence[Sequence[int]], length: int) -> TokenSequences:
    pairs = [(np.array(ids, np.int64), len(ids)) for ids in documents]
    return TokenSequences.from_documents(pairs, length, pad=PAD)


def rows_of(documents: Sequence[Sequence[int]], length: int) -> SequenceBatch:
    """All sequences of the concatenated documents."""
    rows = token_rows(documents, length)
    return rows.read(np.arange(len(rows)))


def keys_of(rows: SequenceBatch, step: int = 1, seed: int = 0) -> NDArray[np.uint64]:
    return row_keys(seed, step, np.arange(len(rows.tokens_BT)))


def random_text(length: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(SPECIAL, VOCABULARY, length).tolist()


def some_documents(max_length: int = 40) -> st.SearchStrategy[list[list[int]]]:
    """Documents with BOS and EOS, some of them empty."""
    text = st.lists(st.integers(SPECIAL, VOCABULARY - 1), max_size=max_length)
    return st.lists(text.map(with_bos_eos), min_size=1, max_size=8)


def full_rows(rows: int, length: int, seed: int = 0) -> SequenceBatch:
    """Sequences from the middle of long documents: text and nothing else."""
    return token_rows([random_text(rows * length + 1, seed)], length).read(np.arange(rows))
