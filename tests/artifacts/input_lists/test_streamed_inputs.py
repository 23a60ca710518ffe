import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from lmkit.artifacts.input_lists.recorded_input import Input
from lmkit.artifacts.input_lists.streamed_inputs import (
    MAX_LINE,
    StreamedInputs,
    remove_other_lists,
    write_inputs,
)
from lmkit.errors import InputError

INPUTS = [Input(f"raw/\udce9{n}.txt", "raw", n, f"\udce9{n}.txt", n, ("ab",)) for n in range(50)]
INPUTS.append(Input("made", "made", 9, sha256=("f", "g")))


@pytest.fixture
def written(tmp_path: Path) -> StreamedInputs:
    return write_inputs(INPUTS, tmp_path, tmp_path)


def stored_as(list_: StreamedInputs, data: bytes) -> StreamedInputs:
    """Replace the file by another, which the manifest describes correctly."""
    Path(list_.path).write_bytes(data)
    known = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return StreamedInputs(list_.record.model_copy(update=known), list_.folder)


def test_a_list_is_read_as_it_was_written_and_named_by_its_content(
    tmp_path: Path, written: StreamedInputs
) -> None:
    assert [*written] == INPUTS and len(written) == len(INPUTS)
    assert (written[0], written[-1], written[3:5]) == (INPUTS[0], INPUTS[-1], tuple(INPUTS[3:5]))
    assert [path.name for path in tmp_path.iterdir()] == [written.record.file]
    assert written.record.input_bytes == sum(range(50)) + 9
    assert write_inputs(INPUTS, tmp_path, tmp_path) == written
    other = write_inputs(INPUTS[1:], tmp_path, tmp_path)
    assert other != written and len([*tmp_path.iterdir()]) == 2
    remove_other_lists(tmp_path, [Path(other.path)])
    assert [path.name for path in tmp_path.iterdir()] == [other.record.file]
    with pytest.raises(IndexError):
        written[len(INPUTS)]


def test_a_part_is_that_of_a_list_and_is_read_once(
    written: StreamedInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = (None, -60, -3, 0, 2, 49, 51, 70)
    parts = [slice(a, b, step) for a in bounds for b in bounds for step in (None, 3, -1, -4)]
    assert [written[part] for part in parts] == [tuple(INPUTS[part]) for part in parts]
    readings = list[int]()
    iterate = StreamedInputs.__iter__
    monkeypatch.setattr(
        StreamedInputs, "__iter__", lambda self: readings.append(1) or iterate(self)
    )
    assert len(written[:20]) == 20 and len(readings) == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "SHA-256|inputs of"),
        (lambda data: data[:-20], "SHA-256|within a line"),
        (lambda data: data + b"\0", "SHA-256|zstd"),
        (lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], "SHA-256|zstd|checksum"),
        (lambda data: b"not compressed", "zstd"),
    ],
)
def test_a_damaged_list_is_an_error_of_one_line(
    written: StreamedInputs, damage: Callable[[bytes], bytes], reason: str
) -> None:
    path = Path(written.path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=f"(?s)damaged: .*({reason})") as error:
        list(written)
    assert path.name in error.value.message and "\n" not in error.value.message
    assert "--overwrite" in (error.value.hint or "")


def test_a_missing_list_is_an_error(written: StreamedInputs) -> None:
    Path(written.path).unlink()
    with pytest.raises(InputError, match="damaged: it is missing"):
        list(written)


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"\xff",
        b'{"path":"a","source":"a","bytes":-1,"origin":"","modified":null,"sha256":[]}',
        b'{"path":"a","source":"a","bytes":1e99,"origin":"","modified":null,"sha256":[]}',
        b'{"path":"a","source":"a","bytes":1,"origin":"","modified":9223372036854775808,"sha256":[]}',
        b'{"path":"a","source":"a","bytes":1,"origin":"","modified":null,"sha256":[1]}',
        b"[" * 100_000,
        b" " * (MAX_LINE + 1),
    ],
)
def test_a_list_that_lmkit_did_not_write_is_an_error(written: StreamedInputs, line: bytes) -> None:
    made = stored_as(written, zstandard.compress(line + b"\n"))
    with pytest.raises(InputError, match="damaged"):
        list(made)


def test_a_list_of_more_or_fewer_inputs_is_an_error(written: StreamedInputs) -> None:
    for count in (0, 50, 52, 10**18):
        other = StreamedInputs(written.record.model_copy(update={"count": count}), written.folder)
        with pytest.raises(InputError, match="inputs"):
            deque(other, maxlen=0)


def test_what_expands_without_end_is_not_held_in_memory(written: StreamedInputs) -> None:
    bomb = stored_as(written, zstandard.compress(bytes(1 << 28)))
    with pytest.raises(InputError, match="a line has more than"):
        list(bomb)


def test_a_list_changes_nothing_that_it_is_given(tmp_path: Path) -> None:
    inputs = [replace(item, sha256=()) for item in INPUTS]
    assert [*write_inputs(iter(inputs), tmp_path, tmp_path)] == inputs
