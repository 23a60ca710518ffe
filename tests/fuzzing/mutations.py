"""Ways in which a file is wrong: damaged by a disk, or made to harm.

Choices:
- A mutation follows from its random numbers alone, so that a number reproduces it.
- JSON is changed in its values, which a flipped bit rarely reaches in a way that still parses. So
  are the JSON headers of safetensors, and the lines of JSON in a compressed file.
- A file that a manifest lists can be `forged`: its new SHA-256 and size are put where the old ones
  stood, so that what reads it is tried, and not only the check of hashes.
"""

import hashlib
import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

DEEP = 3_000
ABSURD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        "",
        [],
        {},
        -1,
        0,
        1,
        3,
        1.5,
        -0.5,
        2**31,
        2**63,
        2**64,
        10**30,
        -(10**30),
    ),
    *(1e30, 1e308, float("nan"), float("inf"), "\ud800", "\0", "x" * 70_000, "../../etc/passwd"),
    *("auto", "none", [[]], [None], {"": None}, [1, "a"], 10**400),
)
TEXTS: tuple[str, ...] = (
    *("1e30", "-1", "nan", "inf", "99999999999999999999", '"\\u0000"', "[" * 2_000, "{}", "[]"),
    *('""', "true", "0", "[[[1]]]", '"' + "x" * 70_000 + '"', "1979-05-27", "'''", "{a = 1}"),
)


def mutated(data: bytes, name: str, rng: random.Random, others: list[Path]) -> tuple[bytes, str]:
    """Return other content for a file, and what was done to it."""
    structured = [change for ending, change in STRUCTURED.items() if name.endswith(ending)]
    if structured and rng.random() < 0.7:
        try:
            return structured[0](data, rng)
        except (ValueError, IndexError, KeyError, TypeError, pa.ArrowException):
            pass  # it has no such part
    return rng.choice(BYTES)(data, rng, others)


def _flipped(data: bytes, rng: random.Random, _: list[Path]) -> tuple[bytes, str]:
    changed = bytearray(data or b"\0")
    reach = rng.choice([len(changed), min(len(changed), 200)])  # headers are short
    places = [rng.randrange(reach) for _ in range(rng.choice([1, 2, 4, 16]))]
    for place in places:
        changed[place] = rng.choice([rng.randrange(256), 0, 255, changed[place] ^ 1])
    return bytes(changed), f"bytes at {places}"


def _truncated(data: bytes, rng: random.Random, _: list[Path]) -> tuple[bytes, str]:
    end = rng.choice([0, 1, 8, len(data) // 2, max(0, len(data) - 1), rng.randrange(len(data) + 1)])
    return data[:end], f"cut at {end}"


def _extended(data: bytes, rng: random.Random, _: list[Path]) -> tuple[bytes, str]:
    more = rng.choice([b"\0", b"\xff\xfe", b"{", b"\n", b"[" * 100_000, data, b"\0" * 1_000_000])
    place = rng.choice([0, len(data), rng.randrange(len(data) + 1)])
    return data[:place] + more + data[place:], f"{len(more)} bytes {more[:4]!r} put in at {place}"


def _replaced(data: bytes, rng: random.Random, _: list[Path]) -> tuple[bytes, str]:
    what = rng.choice(
        [
            *(b"null", b"[]", b"{}", b"1", b'"a"', b"\x80\x02}q\x00.", rng.randbytes(64)),
            *(b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"\n" * 5, b"NaN"),
            b"\xff" * 99,
        ]
    )
    return what, f"replaced by {what[:12]!r}"


def _swapped(_: bytes, rng: random.Random, others: list[Path]) -> tuple[bytes, str]:
    other = rng.choice(others)
    return other.read_bytes(), f"replaced by {other.name}"


def _spliced(data: bytes, rng: random.Random, _: list[Path]) -> tuple[bytes, str]:
    start, stop = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    place = rng.randrange(len(data) + 1)
    return data[:place] + data[start:stop] + data[place:], f"{start}:{stop} again at {place}"


BYTES = (_flipped, _flipped, _truncated, _extended, _replaced, _swapped, _spliced)


def _changed_json(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    value, what = _changed_value(json.loads(data), rng)
    return _dumped(value), what


def _changed_line(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    lines = data.splitlines()
    number = rng.randrange(len(lines))
    lines[number], what = _changed_json(lines[number], rng)
    return b"\n".join(lines) + b"\n", f"line {number}: {what}"


def _changed_compressed(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    inner, what = _changed_line(zstandard.ZstdDecompressor().stream_reader(data).read(), rng)
    return zstandard.ZstdCompressor().compress(inner), what


def _changed_header(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Change the JSON header of a safetensors file."""
    length = struct.unpack("<Q", data[:8])[0]
    header, what = _changed_json(data[8 : 8 + length], rng)
    length = rng.choice([len(header)] * 9 + [2**63, 2**40, 0])
    return struct.pack("<Q", length) + header + data[8 + len(header) :], f"header: {what}"


def _changed_array(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Change the header of a .npy file, or its values."""
    length = struct.unpack("<H", data[8:10])[0]
    header, values = data[10 : 10 + length], bytearray(data[10 + length :])
    if rng.random() < 0.5 and values:
        places = [rng.randrange(0, len(values), 8) for _ in range(rng.choice([1, 3]))]
        for place in places:
            number = rng.choice([0, 1, 2**63, 2**64 - 1, 10**6, 65_535])
            values[place : place + 8] = struct.pack("<Q", number)[: len(values) - place]
        return data[:10] + header + bytes(values), f"values at {places}"
    what = rng.choice(
        [
            *(b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", b"{" * 90, b"(" * 5_000),
            *(header.replace(b"(", b"(9999999999999999999999"), header.replace(b"(", b"(-")),
            *(header.replace(b"False", b"True"), header.replace(b"<", b">"), b"'", b"None", b"[1"),
            *(header.replace(b"<u8", b"<f8"), header.replace(b"shape", b"shap")),
        ]
    )
    what = what.rstrip() + b"\n"
    return data[:8] + struct.pack("<H", len(what)) + what + bytes(values), f"header {what[:60]!r}"


def _changed_table(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Change the columns of a Parquet file."""
    table = pq.read_table(pa.BufferReader(data))
    number = rng.randrange(table.num_columns)
    name = table.column_names[number]
    kind = rng.choice(["drop", "rename", "type", "null", "empty", "twice"])
    rows = table.num_rows
    if kind == "drop":
        table = table.drop_columns([name])
    elif kind == "rename":
        table = table.rename_columns(
            [f"{each}?" if each == name else each for each in table.column_names]
        )
    elif kind == "empty":
        table = table.slice(0, 0)
    elif kind == "twice":
        table = table.append_column(name, table.column(number))
    else:
        values: Any = rng.choice(
            [["x"] * rows, [1e308] * rows, [[1]] * rows, [float("nan")] * rows]
        )
        values = [None] * rows if kind == "null" else values
        table = table.set_column(number, name, [values])
    stream = pa.BufferOutputStream()
    pq.write_table(table, stream)
    return stream.getvalue().to_pybytes(), f"{kind} column {name}"


def _changed_text(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Change the value of a line of TOML."""
    lines = data.decode().splitlines()
    numbers = [number for number, line in enumerate(lines) if "=" in line]
    number = rng.choice(numbers)
    lines[number] = f"{lines[number].partition('=')[0]}= {(value := rng.choice(TEXTS))}"
    return "\n".join(lines).encode(), f"line {number}: {value[:30]}"


STRUCTURED = {
    ".json": _changed_json,
    ".jsonl": _changed_line,
    ".jsonl.zst": _changed_compressed,
    ".safetensors": _changed_header,
    ".npy": _changed_array,
    ".parquet": _changed_table,
    ".toml": _changed_text,
}


def _dumped(value: Any) -> bytes:
    text = value if isinstance(value, str) and value.startswith(("[[[", '{"a":{"a"')) else None
    return (text or json.dumps(value)).replace(f'"{NESTED}"', "[" * DEEP + "]" * DEEP).encode()


NESTED = "<nested>"


def _changed_value(value: Any, rng: random.Random) -> tuple[Any, str]:
    """Return a value with one of its parts changed, and what was changed."""
    nodes = list(_nodes(value))
    place, parent, key = rng.choice(nodes)
    kind = rng.choice(["value", "value", "value", "remove", "add", "nest", "double"])
    if kind == "remove":
        del parent[key]
        return value, f"{place} removed"
    if kind == "add" and isinstance(parent, dict):
        parent[rng.choice(["x", "", "__class__", "format", "\ud800"])] = rng.choice(ABSURD)
        return value, f"key added beside {place}"
    new = NESTED if kind == "nest" else rng.choice(ABSURD)
    if kind == "double":
        new = [parent[key]] if rng.random() < 0.5 else str(parent[key])
    elif isinstance(parent[key], int | float) and rng.random() < 0.6:
        new = rng.choice([-1, 0, 2**31, 2**63, 10**30, 1e30, float("nan"), parent[key] + 1, 10**12])
    parent[key] = new
    return value, f"{place} = {str(new)[:40] if not _is_huge(new) else 'a huge number'!r}"


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > 10**100


def _nodes(value: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield every part of a value: its name, what holds it, and its key there."""
    items: Any = []
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = list(enumerate(value))[:40]
    for key, inner in items:
        yield f"{place}.{key}"[:80], value, key
        yield from _nodes(inner, f"{place}.{key}")


def forge(folder: Path, target: Path, before: bytes) -> None:
    """Put the SHA-256 and size of a changed file where a manifest has those of `before`."""
    after = target.read_bytes()
    old, new = (hashlib.sha256(data).hexdigest() for data in (before, after))
    for path in sorted(folder.rglob("*.json")):
        if path == target:
            continue
        text = path.read_text("utf-8", "surrogateescape")
        if old in text:
            text = text.replace(old, new)
            value = json.loads(text)
            for output in value.get("outputs", []):
                if output["sha256"] == new:
                    output["bytes"] = len(after)
            path.write_text(json.dumps(value), "utf-8")
