from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Unreadable
from lmkit.artifacts.inputs import find_documents
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import LmkitError
from lmkit.packing import nanogpt_bin as nanogpt
from lmkit.packing.nanogpt_bin import TokenizedDocument, read_tokens, write_tokens
from lmkit.packing.token_shards import Shards, ShardWriter, documents_name, tokens_name

END = 9


def write(folder: Path, ids: list[int], name: str = "train.bin") -> Path:
    np.array(ids, np.uint16).tofile(folder / name)  # as nanoGPT's prepare.py does
    return folder / name


def read(
    path: Path, separator: int | None = END, edges: tuple[int, ...] = (), limit: int = 1 << 30
) -> list[list[int] | str]:
    (whole,) = find_documents([path], formats=("tokens",)).slices
    borders = [0, *edges, whole.stop]
    found: list[list[int] | str] = []
    ranges: list[ReadRange] = []
    for start, stop in pairwise(borders):
        part = whole._replace(start=start, stop=stop)
        for document in read_tokens(part, ranges, separator=separator, max_record=limit):
            if isinstance(document, Unreadable):
                found.append(document.reason)
            else:
                found.append(document.ids.tolist())
    assert [(part_read.start, part_read.stop) for part_read in ranges] == list(pairwise(borders))
    return found


def split(ids: list[int]) -> list[list[int]]:
    """Split at the separator, one id after the other."""
    documents: list[list[int]] = [[]]
    for number in ids:
        if number == END:
            documents.append([])
        else:
            documents[-1].append(number)
    return documents if documents[-1] else documents[:-1]


@given(
    ids=st.lists(st.integers(0, 11), max_size=60),
    indices=st.sets(st.integers(1, 59), max_size=4),
    block=st.integers(1, 8),
)
def test_documents_are_those_between_separators_for_any_division_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, ids: list[int], indices: set[int], block: int
) -> None:
    path = write(tmp_path_factory.mktemp("bin"), ids)
    edges = tuple(sorted(2 * index for index in indices if index < len(ids)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nanogpt, "READ_BYTES", 2 * block)
        assert read(path, edges=edges) == split(ids)
        whole = [ids] if ids else []
        assert read(path, separator=None, edges=edges) == whole


def test_a_file_that_ends_inside_a_token_reports_its_last_document(tmp_path: Path) -> None:
    path = write(tmp_path, [1, 2, END, 3, 4])
    path.write_bytes(path.read_bytes()[:-1])
    assert read(path) == [[1, 2], "truncated: it ends inside a token"]


def test_a_document_longer_than_the_limit_is_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, [1, END, *[2] * 50, END, 3])
    (one, long, last) = read(path, limit=20)
    assert (one, last) == ([1], [3]) and "--max-record" in str(long)
    assert "--max-record" in str(read(path, separator=None, limit=20)[0])


def test_ids_of_documents_depend_on_their_offsets(tmp_path: Path) -> None:
    (part,) = find_documents([write(tmp_path, [1, END, 1, END])], formats=("tokens",)).slices
    one, two = read_tokens(part, [], separator=END, max_record=99)
    assert (
        isinstance(one, TokenizedDocument)
        and isinstance(two, TokenizedDocument)
        and one.id != two.id
    )


def test_an_id_outside_of_the_vocabulary_is_named_with_its_offset(tmp_path: Path) -> None:
    path = write(tmp_path, [1, END, 5, 700])
    (part,) = find_documents([path], formats=("tokens",)).slices
    *_, last = read_tokens(part, [], separator=END, max_record=99)
    assert isinstance(last, TokenizedDocument)
    with pytest.raises(LmkitError, match="at byte 6 is 700, but the tokenizer has ids from 0 to 9"):
        last.checked(10)


@given(
    documents=st.lists(st.lists(st.integers(2, 8), max_size=7), min_size=1, max_size=12),
    bos=st.booleans(),
    eos=st.booleans(),
    at_a_time=st.integers(1, 30),
)
def test_stored_documents_are_written_without_bos_and_eos(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[list[int]],
    bos: bool,
    eos: bool,
    at_a_time: int,
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    for number, part in enumerate((documents[::2], documents[1::2])):
        paths = folder / tokens_name(number), folder / documents_name(number)
        with ShardWriter(*paths, 12) as shard:
            for ids in part:
                stored = np.array([0] * bos + ids + [1] * eos)
                shard.append(stored, bytes_of_text=1, key=0, text=0)
    in_order = [*documents[::2], *documents[1::2]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nanogpt, "TOKENS_PER_WRITE", at_a_time)
        for separator in (END, None):
            file = BytesIO()
            written = write_tokens(Shards.at(folder), (bos, eos), separator, file)
            after = [] if separator is None else [separator]
            expected = [number for ids in in_order for number in [*ids, *after]]
            assert np.frombuffer(file.getvalue(), np.uint16).tolist() == expected
            assert written == (len(documents), len(expected))


def test_a_separator_that_a_document_holds_is_refused(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / tokens_name(0), tmp_path / documents_name(0), 12) as shard:
        shard.append(np.array([3, END, 4]), bytes_of_text=1, key=0, text=0)
    with pytest.raises(LmkitError, match="holds the separator 9"):
        write_tokens(Shards.at(tmp_path), (False, False), END, BytesIO())


@pytest.mark.parametrize(("field", "value"), [("start", 1), ("tokens", 4), ("start", 2**40)])
def test_a_document_outside_of_its_tokens_is_damage(tmp_path: Path, field: str, value: int) -> None:
    with ShardWriter(tmp_path / tokens_name(0), tmp_path / documents_name(0), 12) as shard:
        shard.append(np.array([3, 5, 4]), bytes_of_text=1, key=0, text=0)
    records = np.load(tmp_path / documents_name(0))
    records[field] = value
    np.save(tmp_path / documents_name(0), records)
    with pytest.raises(LmkitError, match="lies outside of its tokens"):
        write_tokens(Shards.at(tmp_path), (False, False), None, BytesIO())
