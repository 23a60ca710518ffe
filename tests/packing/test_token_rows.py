import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.errors import InputError
from lmkit.packing.chunking import chunk
from lmkit.packing.row_index import pack_in_order
from lmkit.packing.token_rows import PIECES, STARTS, SequenceBatch, TokenSequences
from lmkit.packing.token_shards import (
    OPEN_FILES,
    Shards,
    ShardWriter,
    documents_name,
    tokens_name,
    write_array,
)

PAD = 0


def write_split(folder: Path, shards: list[list[list[int]]], order: list[int], size: int) -> None:
    (folder / "rows").mkdir(parents=True)
    for number, documents in enumerate(shards):
        tokens, records = folder / tokens_name(number), folder / documents_name(number)
        with ShardWriter(tokens, records, 1_000) as writer:
            for ids in documents:
                writer.append(np.array(ids, np.uint32), bytes_of_text=len(ids), key=0, text=0)
    lengths = Shards.at(folder).of_documents("tokens").astype(np.int64)
    starts, pieces = pack_in_order(chunk, lengths, np.array(order, np.int64), size)
    write_array(folder / STARTS, starts)
    write_array(folder / PIECES, pieces)


def literal_rows(documents: list[list[int]], size: int) -> list[list[tuple[int, int, int, int]]]:
    """Return (token, following, piece, position) for every position, token by token."""
    rows: list[list[tuple[int, int, int, int]]] = []
    last_document = -1
    for number, ids in enumerate(documents):
        for index, token in enumerate(ids):
            following = ids[index + 1] if index + 1 < len(ids) else -100
            if not rows or len(rows[-1]) == size:
                rows.append([(token, following, 1, 0)])
            elif number != last_document:
                rows[-1].append((token, following, rows[-1][-1][2] + 1, 0))
            else:
                _, _, piece, position = rows[-1][-1]
                rows[-1].append((token, following, piece, position + 1))
            last_document = number
    padding = (PAD, -100, 0, 0)
    return [row + [padding] * (size - len(row)) for row in rows]


def positions(rows: SequenceBatch) -> list[list[tuple[int, ...]]]:
    fields = (rows.tokens_BT, rows.following_BT, rows.documents_BT, rows.positions_BT)
    return [list(zip(*row, strict=True)) for row in zip(*(f.tolist() for f in fields), strict=True)]


DOCUMENTS = st.lists(st.lists(st.integers(1, 999), max_size=12), min_size=1, max_size=12)


@settings(deadline=None)
@given(DOCUMENTS, st.integers(1, 8))
def test_sequences_in_memory_equal_those_of_packing_token_by_token(
    documents: list[list[int]], size: int
) -> None:
    rows = TokenSequences.from_documents([(np.array(ids, int), 1) for ids in documents], size, PAD)
    assert positions(rows.read(np.arange(len(rows)))) == literal_rows(documents, size)


@settings(max_examples=40, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.integers(1, 8), st.randoms())
def test_sequences_on_disk_are_the_same_for_any_shards_and_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    shards: list[list[list[int]]],
    size: int,
    random: object,
) -> None:
    documents = [ids for shard in shards for ids in shard]
    order = list(range(len(documents)))
    random.shuffle(order)  # type: ignore[attr-defined]
    folder = tmp_path_factory.mktemp("packed") / "train"
    write_split(folder, shards, order, size)
    rows = TokenSequences.open(folder, size, PAD)
    requested = list(range(len(rows)))
    random.shuffle(requested)  # type: ignore[attr-defined]
    expected = literal_rows([documents[number] for number in order], size)
    read = rows.read(np.array(requested, np.int64))
    assert positions(read) == [expected[number] for number in requested]


def test_every_token_but_the_first_of_a_document_is_a_target_once() -> None:
    documents = [np.arange(10 * n, 10 * n + n) for n in range(1, 10)]
    rows = TokenSequences.from_documents([(ids, 1) for ids in documents], 4, PAD)
    following = rows.read(np.arange(len(rows))).following_BT
    targets = sorted(following[following != -100].tolist())
    assert targets == sorted(token for ids in documents for token in ids[1:].tolist())


def test_the_target_of_the_last_position_is_the_first_token_of_the_next_sequence() -> None:
    rows = TokenSequences.from_documents([(np.arange(1, 7), 6)], 3, PAD)
    assert rows.read(np.array([0])).following_BT.tolist() == [[2, 3, 4]]


def test_a_target_never_comes_from_another_document() -> None:
    rows = TokenSequences.from_documents([(np.array([1, 2]), 2), (np.array([3, 4]), 2)], 4, PAD)
    assert rows.read(np.array([0])).following_BT.tolist() == [[2, -100, 4, -100]]


def test_the_arrays_have_the_types_that_models_expect() -> None:
    rows = TokenSequences.from_documents([(np.array([1], np.uint16), 1)], 2, PAD).read(
        np.array([0])
    )
    assert rows.tokens_BT.dtype == rows.following_BT.dtype == rows.positions_BT.dtype == np.int64
    assert rows.documents_BT.dtype == np.int32


def test_a_sequence_may_be_read_twice_and_a_batch_may_be_empty() -> None:
    rows = TokenSequences.from_documents([(np.arange(1, 5), 4)], 2, PAD)
    assert rows.read(np.array([1, 1])).tokens_BT.tolist() == [[3, 4], [3, 4]]
    assert rows.read(np.array([], np.int64)).tokens_BT.shape == (0, 2)


def test_no_documents_are_no_sequences() -> None:
    rows = TokenSequences.from_documents([], 4, PAD)
    assert (len(rows), rows.documents, rows.tokens, rows.bytes_of_text) == (0, 0, 0, 0)


def test_a_split_counts_its_documents_tokens_and_bytes(tmp_path: Path) -> None:
    write_split(tmp_path / "train", [[[1, 2], []], [[3]]], [0, 1, 2], 2)
    rows = TokenSequences.open(tmp_path / "train", 2, PAD)
    assert (len(rows), rows.documents, rows.tokens, rows.bytes_of_text) == (2, 3, 3, 3)


def test_sequences_are_not_read_with_a_shorter_length(tmp_path: Path) -> None:
    write_split(tmp_path / "train", [[[1, 2, 3, 4]]], [0], 4)
    with pytest.raises(InputError, match="a sequence holds 4 tokens, but 2 are to be read"):
        TokenSequences.open(tmp_path / "train", 2, PAD).read(np.array([0]))


@pytest.mark.parametrize("name", [tokens_name(1), documents_name(0), STARTS, PIECES])
def test_a_truncated_file_is_named_before_anything_is_read(tmp_path: Path, name: str) -> None:
    write_split(tmp_path / "train", [[[1, 2]], [[3]]], [1, 0], 2)
    path = tmp_path / "train" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=name):
        TokenSequences.open(tmp_path / "train", 2, PAD)


def test_a_row_index_that_does_not_match_its_pieces_is_refused(tmp_path: Path) -> None:
    write_split(tmp_path / "train", [[[1, 2, 3]]], [0], 2)
    write_array(tmp_path / "train" / STARTS, np.array([0, 1], np.int64))
    with pytest.raises(InputError, match=r"counts 1 pieces, but rows/pieces\.npy has 2"):
        TokenSequences.open(tmp_path / "train", 2, PAD)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files as Linux does")
def test_a_corpus_may_have_more_shards_than_files_are_held_open(tmp_path: Path) -> None:
    count = OPEN_FILES + 20
    write_split(tmp_path / "train", [[[n]] for n in range(1, count + 1)], list(range(count)), 1)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    rows = TokenSequences.open(tmp_path / "train", 1, PAD)
    assert rows.read(np.arange(count)).tokens_BT.ravel().tolist() == list(range(1, count + 1))
    assert len(os.listdir("/proc/self/fd")) - before < OPEN_FILES + 20  # noqa: PTH208


@given(lengths=st.lists(st.integers(0, 30), min_size=1, max_size=12), size=st.integers(1, 20))
def test_a_piece_is_complete_if_its_document_is_not_split(lengths: list[int], size: int) -> None:
    # A token's id is that of its document, so a complete document has all tokens with its id.
    documents = [(np.full(length, number + 1), length) for number, length in enumerate(lengths)]
    rows = TokenSequences.from_documents(documents, size, PAD)
    read = rows.read(np.arange(len(rows)))
    for row in range(len(rows)):
        for column in range(size):
            token = int(read.tokens_BT[row, column])
            inside = int((read.tokens_BT[row] == token).sum())
            expected = token != PAD and inside == lengths[token - 1]
            assert read.complete_BT[row, column] == expected


@pytest.mark.parametrize(
    ("name", "field", "number"),
    [
        (STARTS, None, -3),
        (STARTS, None, 2**40),
        (PIECES, "document", 2**63),
        (PIECES, "document", 7),
        (PIECES, "start", 2**64 - 1),
        (documents_name(0), "start", 2**63),
        (documents_name(0), "tokens", 2**62),
        (tokens_name(0), None, 999),
    ],
)
def test_a_number_that_other_files_contradict_is_refused_when_it_is_read(
    name: str, field: str | None, number: int, tmp_path: Path
) -> None:
    write_split(tmp_path, [[[1, 2, 3], [4, 5]]], [0, 1], 4)
    stored = np.load(tmp_path / name)
    column = stored if field is None else stored[field]
    column[1 if name == STARTS else 0] = number
    write_array(tmp_path / name, stored)
    with pytest.raises(InputError, match=f"{name}: damaged|{STARTS}: damaged"):
        TokenSequences.open(tmp_path, 4, PAD, vocabulary_size=10).read(np.arange(2))


def test_lengths_of_sequences_that_point_nowhere_are_refused(tmp_path: Path) -> None:
    write_split(tmp_path, [[[1, 2, 3], [4, 5]]], [0, 1], 4)
    starts = np.load(tmp_path / STARTS)
    starts[1] = 2**40
    write_array(tmp_path / STARTS, starts)
    with pytest.raises(InputError, match="damaged"):
        TokenSequences.open(tmp_path, 4, PAD).lengths()
