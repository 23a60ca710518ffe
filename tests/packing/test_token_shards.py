from pathlib import Path

import numpy as np
import pytest

from lmkit.errors import InputError, LmkitError
from lmkit.packing.token_shards import (
    DOCUMENT,
    ArrayWriter,
    Shards,
    ShardWriter,
    StoredArray,
    documents_name,
    token_type,
    tokens_name,
    values,
)

UINT16 = np.dtype("<u2")


def write_shard(folder: Path, number: int, documents: list[list[int]], size: int = 100) -> None:
    tokens, records = folder / tokens_name(number), folder / documents_name(number)
    with ShardWriter(tokens, records, size) as writer:
        for ids in documents:
            writer.append(np.array(ids, np.uint32), bytes_of_text=10, key=2**64 - 1, text=7)


@pytest.mark.parametrize("lengths", [[], [0], [1], [3, 0, 4], [60_000, 70_000]])
def test_a_shard_written_piece_by_piece_is_a_file_that_numpy_loads(
    tmp_path: Path, lengths: list[int]
) -> None:
    documents = [np.arange(length) % 100 for length in lengths]
    write_shard(tmp_path, 0, [document.tolist() for document in documents])
    loaded = np.load(tmp_path / tokens_name(0), mmap_mode="r")
    assert loaded.dtype == UINT16
    assert loaded.tolist() == [token for document in documents for token in document.tolist()]


def test_a_record_holds_the_offset_of_a_document(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, [[1, 2, 3], [], [4]])
    records = np.load(tmp_path / documents_name(0))
    assert records.dtype == DOCUMENT
    assert records["start"].tolist() == [0, 3, 3]
    assert records["tokens"].tolist() == [3, 0, 1]
    assert records["key"].tolist() == [2**64 - 1] * 3


def test_a_growing_array_has_the_same_bytes_as_one_saved_by_numpy(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path / "grown.npy", UINT16) as writer:
        for part in np.split(np.arange(10_000, dtype=np.uint16), 10):
            writer.append(part)
    np.save(tmp_path / "saved.npy", np.arange(10_000, dtype=np.uint16))
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()


def test_ids_take_two_bytes_up_to_65536_entries() -> None:
    assert token_type(65_536).itemsize == 2
    assert token_type(65_537).itemsize == 4


def test_an_id_outside_of_the_vocabulary_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(LmkitError, match="the vocabulary ends at"):
        write_shard(tmp_path, 0, [[65_536]], size=65_536)


def test_fields_of_documents_are_in_the_order_of_the_shards(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, [[1], [1, 2]])
    write_shard(tmp_path, 1, [])
    write_shard(tmp_path, 2, [[1, 2, 3]])
    assert Shards.at(tmp_path).of_documents("tokens").tolist() == [1, 2, 3]


@pytest.mark.parametrize("kept", [0, 5, 20, 100, 131])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "tokens.npy"
    np.save(path, np.arange(4, dtype=np.uint16))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"tokens\.npy"):
        StoredArray.at(path, UINT16)


def test_a_file_in_another_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokens.npy"
    path.write_text("once upon a time, there was a file that had another name", "utf-8")
    with pytest.raises(InputError, match=r"tokens\.npy: not a \.npy file"):
        StoredArray.at(path, UINT16)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokens\.npy: no such file"):
        StoredArray.at(tmp_path / "tokens.npy", UINT16)


def test_an_array_of_another_type_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "tokens.npy", np.zeros(4))
    with pytest.raises(InputError, match="float64, must be one-dimensional uint16"):
        StoredArray.at(tmp_path / "tokens.npy", UINT16)


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "tokens.npy"
    for content in ([1, 2], [3, 4]):
        np.save(tmp_path / "new.npy", np.array(content, np.uint16))
        (tmp_path / "new.npy").replace(path)
        assert values(StoredArray.at(path, UINT16)).tolist() == content


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no token shards"):
        Shards.at(tmp_path)


def test_a_writer_that_fails_raises_only_the_cause(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space"),
        ShardWriter(tmp_path / "a.npy", tmp_path / "b.npy", 100),
    ):
        raise OSError(28, "No space left on device")
