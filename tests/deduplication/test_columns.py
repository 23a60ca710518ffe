from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.artifacts.tasks import PARTIAL, TaskWriter
from lmkit.deduplication.columns import ByBand, Column, Mask, Part, Ragged, Rows

ROWS = Rows("rows", "uint64", width=2)
BANDS = ByBand("bands", "uint32")
TEXTS = Ragged("texts", "uint8", lengths="ends", as_ends=True)
LISTS = Ragged("lists", "int64", lengths="sizes", labelled_lose_it=True)
DOCUMENTS = [b"one", b"", b"three", b"four"]


def stored(folder: Path, documents: list[bytes], number: int = 0) -> Part:
    """Write each document's bytes to every column; lists and bands hold its length."""
    writer = TaskWriter(folder, "notes", number)
    with (
        ROWS.open(writer) as rows,
        BANDS.open(writer) as bands,
        TEXTS.open(writer) as texts,
        LISTS.open(writer) as lists,
    ):
        for index, document in enumerate(documents):
            size = len(document)
            rows.add(np.array([index, size], np.uint64).tobytes())
            bands.add(np.array([[index], [size], [7]], np.uint32))
            texts.add(document, [size])
            lists.add(np.arange(size).tobytes(), [size])
    return folder / PARTIAL, number


def kept(column: Column, part: Part, kept: list[bool], compared: list[bool]) -> dict[str, bytes]:
    masks: list[Mask] = [np.array(mask, bool) for mask in (kept, compared)]
    return {name: values.tobytes() for name, values in column.kept(part, *masks)}


@settings(max_examples=30)
@given(documents=st.lists(st.binary(max_size=5), max_size=6), data=st.data())
def test_the_kept_documents_are_stored_as_if_there_had_been_no_others(
    tmp_path_factory: pytest.TempPathFactory, documents: list[bytes], data: st.DataObject
) -> None:
    mask = [data.draw(st.booleans()) for _ in documents]
    part = stored(tmp_path_factory.mktemp("all"), documents)
    left = [document for document, is_kept in zip(documents, mask, strict=True) if is_kept]
    folder, _ = stored(tmp_path_factory.mktemp("kept"), left)
    for column in (TEXTS, LISTS):
        for name, values in kept(column, part, mask, mask).items():
            assert values == (folder / f"{name}-00000.scratch").read_bytes()
    lengths = [[index, len(text)] for index, text in enumerate(documents) if mask[index]]
    assert kept(ROWS, part, mask, mask)["rows"] == np.array(lengths, np.uint64).tobytes()
    bands = [[*row, 7] for row in lengths]
    expected = np.array(bands, np.uint32).reshape(-1, 3).T.tobytes()
    assert kept(BANDS, part, mask, mask)["bands"] == expected


def test_a_column_is_read_back(tmp_path: Path) -> None:
    part = stored(tmp_path, DOCUMENTS)
    assert ROWS.read(part).tolist() == [0, 3, 1, 0, 2, 5, 3, 4]
    assert BANDS.band(part, 1, 4).tolist() == [3, 0, 5, 4]
    assert TEXTS.read(part).tobytes() == b"onethreefour"
    assert TEXTS.counts(part).tolist() == LISTS.counts(part).tolist() == [3, 0, 5, 4]
    assert [column.files for column in (ROWS, TEXTS)] == [("rows",), ("texts", "ends")]


def test_labelled_documents_keep_a_column_or_lose_it(tmp_path: Path) -> None:
    part = stored(tmp_path, DOCUMENTS)
    masks = [True, True, True, False], [True, True, False, False]
    assert kept(TEXTS, part, *masks)["texts"] == b"onethree"
    lists = kept(LISTS, part, *masks)
    assert np.frombuffer(lists["sizes"], np.int64).tolist() == [3, 0, 0]
    assert np.frombuffer(lists["lists"], np.int64).tolist() == [0, 1, 2]
    rows = kept(Rows("rows", "uint64", True, width=2), part, *masks)["rows"]
    assert np.frombuffer(rows, np.uint64).tolist() == [0, 3, 1, 0, 0, 0]
    bands = kept(ByBand("bands", "uint32", True), part, *masks)["bands"]
    assert np.frombuffer(bands, np.uint32).tolist() == [0, 1, 0, 3, 0, 0, 7, 7, 0]


def test_after_an_error_there_is_no_file(tmp_path: Path) -> None:
    writer = TaskWriter(tmp_path, "notes", 0)
    with pytest.raises(ZeroDivisionError), ROWS.open(writer) as rows, TEXTS.open(writer):
        rows.add(b"x")
        _ = 1 / 0
    assert not [*(tmp_path / PARTIAL).iterdir()]


@pytest.mark.parametrize("column", [ROWS, BANDS, TEXTS, LISTS])
def test_a_column_that_holds_other_documents_is_refused(column: Column, tmp_path: Path) -> None:
    (tmp_path / PARTIAL).mkdir()
    part = stored(tmp_path, DOCUMENTS)
    column.check(part, len(DOCUMENTS))
    with pytest.raises(ValueError, match="doesn't hold"):
        column.check(part, len(DOCUMENTS) + 1)


@pytest.mark.parametrize("sizes", [[9, 9, 9, 9], [-1, 4, 5, 4], [2**62, 2**62, 2**62, 2**62 + 12]])
def test_sizes_that_contradict_the_values_are_refused(sizes: list[int], tmp_path: Path) -> None:
    (tmp_path / PARTIAL).mkdir()
    folder, number = stored(tmp_path, DOCUMENTS)
    np.array(sizes, np.int64).tofile(folder / f"sizes-{number:05d}.scratch")
    with pytest.raises(ValueError, match=r"doesn't hold|contradict"):
        LISTS.check((folder, number), len(DOCUMENTS))
