from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.commands.pack.options import PackConfig
from lmkit.errors import LmkitError
from lmkit.packing import row_index as row_index
from lmkit.packing.chunking import PIECE, chunk
from lmkit.packing.row_index import PACKINGS, pack_into_sequences, split_documents
from lmkit.packing.token_shards import Shards, ShardWriter, documents_name, tokens_name


def write(folder: Path, lengths: list[list[int]]) -> Shards:
    """Write documents with these lengths; the keys decrease with the index of the document."""
    folder.mkdir()
    key = sum(map(len, lengths))
    for number, shard in enumerate(lengths):
        names = folder / tokens_name(number), folder / documents_name(number)
        with ShardWriter(*names, vocabulary_size=100) as writer:
            for length in shard:
                key -= 1
                ids = np.arange(length)
                writer.append(ids, bytes_of_text=2 * length, key=key, text=0)
    return Shards.at(folder)


def test_every_packing_option_is_implemented() -> None:
    assert set(get_args(PackConfig.model_fields["packing"].annotation)) == set(PACKINGS)


@pytest.mark.parametrize(
    ("packing", "rows", "cut"),
    [
        # Packed from the last key on: 2, 7, 3 and 4 tokens in sequences of 5, by hand.
        (
            "chunk",
            [
                [(3, 0, 2), (2, 0, 3)],
                [(2, 3, 4), (1, 0, 1)],
                [(1, 1, 2), (0, 0, 3)],
                [(0, 3, 1)],
            ],
            2,
        ),
        ("best-fit", [[(3, 0, 2), (1, 0, 3)], [(2, 0, 5)], [(2, 5, 2)], [(0, 0, 4)]], 0),
        ("document", [[(3, 0, 2)], [(2, 0, 5)], [(2, 5, 2)], [(1, 0, 3)], [(0, 0, 4)]], 0),
    ],
)
def test_documents_are_packed_in_the_order_of_their_keys(
    tmp_path: Path, packing: str, rows: list[list[tuple[int, int, int]]], cut: int
) -> None:
    index = pack_into_sequences(write(tmp_path / "train", [[4, 3], [7, 2]]), packing, 5)
    found = [index.pieces[first:stop].tolist() for first, stop in pairwise(index.row_starts)]
    assert found == rows
    assert (index.facts["rows"], index.facts["cut"]) == (len(rows), cut)
    assert (index.facts["documents"], index.facts["tokens"]) == (4, 16)
    assert index.facts["bytes_of_text"] == 32
    padding = 5 * len(rows) - 16
    assert index.facts["padding"] == padding
    assert index.facts["padding_share"] == pytest.approx(padding / (5 * len(rows)), abs=1e-6)


def test_an_index_that_loses_a_token_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy = {"chunk": lambda lengths, size: chunk(np.maximum(0, lengths - 1), size)}
    monkeypatch.setattr(row_index, "PACKINGS", lossy)
    with pytest.raises(LmkitError, match="of 6 tokens, 4 are in sequences"):
        pack_into_sequences(write(tmp_path / "train", [[4, 2]]), "chunk", 5)


@given(st.lists(st.integers(0, 25), max_size=30), st.integers(1, 12))
def test_only_documents_that_would_have_fit_count_as_split(lengths: list[int], size: int) -> None:
    ends = np.cumsum(lengths, dtype=np.int64)
    crossing = [
        length <= size and (end - length) // size != (end - 1) // size
        for length, end in zip(lengths, ends.tolist(), strict=True)
        if length
    ]
    numbers = np.array(lengths, np.int64)
    assert split_documents(numbers, chunk(numbers, size)[1], size) == sum(crossing)


def test_no_pieces_are_no_splits() -> None:
    assert split_documents(np.zeros(3, np.int64), np.empty(0, PIECE), 4) == 0
