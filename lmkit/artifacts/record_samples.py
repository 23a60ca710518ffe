"""A sample of the records of a folder, without reading all of them.

Choices:
- The sample is a function of the seed and of the counts in the manifest, so it can be reproduced.
- One shard is read, and only as far as the last record of the sample; the lines before it are
  skipped without parsing.
"""

import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from lmkit.artifacts import documents_parquet
from lmkit.artifacts.manifest import Output
from lmkit.errors import LmkitError
from lmkit.storage.byte_lines import lines
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.json_bytes import from_json
from lmkit.storage.remote_files import shown, state_of

MAX_LINE_BYTES = 256_000_000


def pick(outputs: Sequence[Output], count: int, seed: int) -> tuple[Output, list[int]] | None:
    """Choose a shard, weighted by its size, and some of its records; None if all are empty."""
    weights = [_records(output) for output in outputs]
    if not sum(weights) or not count:
        return None
    rng = random.Random(seed)
    (shard,) = rng.choices(outputs, weights)
    available = _records(shard)
    return shard, sorted(rng.sample(range(available), min(count, available)))


def _records(output: Output) -> int:
    return output.counts.get("documents", output.counts.get("records", 0))


def read_records(path: Path, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Read some of the records of a .jsonl.zst or .parquet file, by ascending index.

    Raises LmkitError if the file is damaged.
    """
    found: list[dict[str, Any]] = []
    numbers = set(indices)
    try:
        with Range(path, 0, state_of(path).size) as source:
            if path.suffix == ".parquet":
                last = max(indices, default=0)
                rows = islice(documents_parquet.read_records(source), last + 1)
                return [record for number, record in enumerate(rows) if number in numbers]
            for number, line in enumerate(lines(source, "zstd", MAX_LINE_BYTES)):
                if number in numbers and line.data is not None:
                    found.append(from_json(line.data))
                if number >= max(indices, default=0):
                    break
    except (CorruptInput, OSError, ValueError) as error:
        reason = error.reason if isinstance(error, CorruptInput) else error
        message = f"{shown(path)}: cannot be read ({reason})"
        raise LmkitError(message, "make that folder again") from None
    return found
