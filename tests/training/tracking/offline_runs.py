"""What is in the folder of an offline run of W&B, which ships no reader for it.

The file is a log as LevelDB has them: blocks of 32 kB, of records with a checksum, a length and a
type (whole, or the first, middle or last part of one).
"""

import json
import struct
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

BLOCK, FILE_HEADER, RECORD_HEADER = 32 * 1024, 7, 7
WHOLE, LAST = 1, 4


def records(path: Path) -> Iterator[Any]:
    """Yield the records of a .wandb file, up to an incomplete one."""
    proto = import_module("wandb.proto.wandb_internal_pb2")
    content, position, parts = path.read_bytes(), FILE_HEADER, b""
    while position + RECORD_HEADER <= len(content):
        left = BLOCK - position % BLOCK
        if left < RECORD_HEADER:
            position += left
            continue
        length, kind = struct.unpack_from("<HB", content, position + 4)
        position += RECORD_HEADER
        parts += content[position : position + length]
        position += length
        if position > len(content):
            return
        if kind in {WHOLE, LAST}:
            record = proto.Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def history(run: Path) -> list[dict[str, Any]]:
    """Return what was logged in the newest offline folder of a run, step by step."""
    newest = max((run / "wandb").glob("offline-run-*"))
    (path,) = newest.glob("run-*.wandb")
    return [
        {"".join(item.nested_key) or item.key: json.loads(item.value_json) for item in found.item}
        for record in records(path)
        if record.WhichOneof("record_type") == "history"
        for found in [record.history]
    ]
