"""The row index of many documents in one range and in several: the same bytes, time and memory.

    python tests/benchmarks/pack_ranges.py FOLDER [DOCUMENTS] [--ranges 5] [--packing chunk]

Shards of documents of some ten tokens are made up: their tokens, and records with random hashes.
Then the steps of `lmkit pack` that build the row index run, in a process of its own for each number
of ranges, on one core. Printed, and written to FOLDER/pack-ranges.json: seconds, processor seconds,
the largest memory of each step, and the SHA-256 of both files, which must be equal (those of
best-fit are not: it packs each range by itself). It needs Linux.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from lmkit.artifacts.output_folder import OutputFolder
from lmkit.commands.pack.options import PackConfig
from lmkit.packing import row_ranges
from lmkit.packing.row_index import split_overlap
from lmkit.packing.row_ranges import SplitShards, write_row_indexes
from lmkit.packing.token_rows import PIECES, STARTS
from lmkit.packing.token_shards import (
    DOCUMENT,
    documents_name,
    tokens_name,
    write_array,
)
from lmkit.storage.atomic_files import sha256

SHARD = 200_000
"""Documents of a shard."""
MEAN = 10
"""Tokens of a document."""
LENGTH = 1_024


def make_shards(folder: Path, documents: int) -> None:
    """Write shards of both splits."""
    chance = np.random.default_rng(1)
    for split, count in (("train", documents), ("validation", documents // 200)):
        (folder / split).mkdir(parents=True)
        for number, first in enumerate(range(0, count, SHARD)):
            records = np.zeros(min(SHARD, count - first), DOCUMENT)
            lengths = chance.geometric(1 / MEAN, len(records))
            lengths[::1_000] *= 300  # some longer than a sequence
            records["tokens"] = lengths
            records["start"] = np.cumsum(lengths) - lengths
            records["bytes"] = lengths * 4
            for name in ("key", "text"):
                records[name] = chance.integers(0, 1 << 64, len(records), np.uint64)
            write_array(folder / split / documents_name(number), records)
            tokens = np.zeros(int(lengths.sum()), np.uint16)
            write_array(folder / split / tokens_name(number), tokens)


class MeasuredFolder(OutputFolder):
    """Records what each step takes."""

    def run(self, step: str, *arguments: Any, **named: Any) -> Any:
        found = super().run
        return measured(step, lambda: found(step, *arguments, **named | {"workers": None}))


def measured(step: str, work: Any) -> Any:
    """Print what a step takes, and return what it returns."""
    Path("/proc/self/clear_refs").write_text("5")
    began, before = time.monotonic(), time.process_time()
    found = work()
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    facts = {
        "step": step,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - before, 1),
        "peak_gb": round(peak / 1e6, 2),
    }
    print(json.dumps(facts), flush=True)
    return found


def index(folder: Path, packing: str, ranges: int) -> None:
    """Write the row indexes in about so many ranges."""
    splits: list[SplitShards] = []
    for split in ("train", "validation"):
        paths = sorted((folder / split).glob("documents-*.npy"))
        splits.append(SplitShards(split, tuple(len(np.load(p, mmap_mode="r")) for p in paths)))
    size = -(-sum(splits[0].documents) // ranges)
    row_ranges.RANGE = row_ranges.BEST_FIT_RANGE = size
    config = PackConfig(output=folder, packing=packing)  # type: ignore[arg-type]
    output = MeasuredFolder(config, folder, [])
    shutil.rmtree(output.scratch, ignore_errors=True)
    output.scratch.mkdir()
    receipts = write_row_indexes(output, splits, packing, LENGTH, 1)
    shards = [len(each.documents) for each in splits]
    measured("overlap", lambda: split_overlap(folder, *shards))
    digests = [sha256(folder / "train" / name) for name in (STARTS, PIECES)]
    scratch = sum(path.stat().st_size for path in output.scratch.glob("*.scratch"))
    print(json.dumps({"facts": receipts[0].facts, "sha256": digests, "scratch_bytes": scratch}))


def main() -> None:
    """Compare one range with several."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("documents", type=int, nargs="?", default=10_000_000)
    parser.add_argument("--ranges", type=int, default=5)
    parser.add_argument("--packing", choices=("chunk", "document", "best-fit"), default="chunk")
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    folder = options.folder
    if options.only:
        index(folder, options.packing, options.only)
        return
    shutil.rmtree(folder, ignore_errors=True)
    make_shards(folder, options.documents)
    results: dict[int, list[Any]] = {}
    for ranges in (1, options.ranges):
        typed = [str(folder), "--packing", options.packing, "--only", str(ranges)]
        run = [sys.executable, __file__, *typed]
        done = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True)
        results[ranges] = [json.loads(line) for line in done.stdout.splitlines()]
        print(f"{ranges} ranges", *map(json.dumps, results[ranges]), sep="\n", flush=True)
    equal = results[1][-1]["sha256"] == results[options.ranges][-1]["sha256"]
    print("equal" if equal else "not equal")
    record = {"documents": options.documents, "packing": options.packing, "equal": equal}
    text = json.dumps(record | {"by_ranges": results}, indent=2)
    (folder / "pack-ranges.json").write_text(text)


if __name__ == "__main__":
    main()
