"""Memory, time and bytes read of dedup's steps on many documents, without their texts.

    python tests/benchmarks/dedup_partitions.py notes SCRATCH [DOCUMENTS] [--partitions 40]
    python tests/benchmarks/dedup_partitions.py bands SCRATCH [DOCUMENTS] [--partitions 40]
    python tests/benchmarks/dedup_partitions.py bucket SCRATCH [DOCUMENTS] [--kind template]
    python tests/benchmarks/dedup_partitions.py components [NODES] [EDGES] [--kind groups]
    python tests/benchmarks/dedup_partitions.py documents SCRATCH [DOCUMENTS] [--workers 2]

    notes       what the first reading stores is made up: of half of the documents, digests and keys
                repeat; of a fifth, they share 8 of 14 bands with two others. All steps of exact and
                near-duplicate matching run on it, in this process, with as many partitions as asked
    bands       the keys of 4 bands alone, a third of them shared by three documents, are sorted,
                matched and grouped; with 0 partitions, as many as dedup chooses
    bucket      all documents share one key. `copies` are similar to the first; pages of one
                `template` share three quarters of their shingles; `edited` ones have lost a seventh
    components  `groups` of four, or `random` pairs, which nearly all end in one component
    documents   `lmkit dedup` on JSON lines of 60 words, half of them repeated

For each step: seconds, processor seconds, the largest memory (VmHWM, which is reset before), and
the bytes that were read. It needs Linux.
"""

import argparse
import functools
import json
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter, scratch
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication import exact, signature_files
from lmkit.deduplication.clusters.cluster_counts import count_clusters
from lmkit.deduplication.components import components
from lmkit.deduplication.document_table import DocumentTable, TaskParts
from lmkit.deduplication.exact import Exact
from lmkit.deduplication.near_duplicates import NearDuplicates
from lmkit.deduplication.options import KeepConfig, MinHashConfig
from lmkit.deduplication.ranking import rank_documents
from lmkit.deduplication.shingles import mix

PART = 16_000
"""Documents of a task of 64 MB."""
KEY = b'["web","document-%012d","%032x","crawl/part-00000.jsonl.zst",4200,null,{"offset":%d}]'
Values = NDArray[np.uint64]


class Measured:
    """Prints what a step takes."""

    def __init__(self, label: str) -> None:
        self.label = label

    def __enter__(self) -> "Measured":
        Path("/proc/self/clear_refs").write_text("5")
        self._before = time.monotonic(), time.process_time(), self._read()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu, read = self._before
        status = Path("/proc/self/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0])
        print(
            f"{self.label:18} {time.monotonic() - wall:8.1f} s {time.process_time() - cpu:8.1f} s "
            f"CPU {peak / 1e6:6.2f} GB, read {(self._read() - read) / 1e6:10,.1f} MB",
            flush=True,
        )

    @staticmethod
    def _read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])


class MeasuredFolder(OutputFolder):
    """Prints what each step takes."""

    def run(self, step: str, *arguments: Any, **named: Any) -> Any:
        with Measured(step):
            return super().run(step, *arguments, **named | {"workers": None})


def folder_in(place: Path) -> MeasuredFolder:
    """Return an empty output folder."""
    shutil.rmtree(place, ignore_errors=True)
    folder = MeasuredFolder(DedupConfig(output=place), place, [])
    folder.scratch.mkdir(parents=True)
    return folder


def write_keys(folder: Path, number: int, documents: range) -> None:
    """Write document keys."""
    lines = [KEY % (mix_one(n), mix_one(n), n) for n in documents]
    (folder / scratch("names", number)).write_bytes(b"".join(lines))
    ends = np.cumsum([len(line) for line in lines], dtype=np.int64)
    (folder / scratch("ends", number)).write_bytes(ends.tobytes())


def mix_one(number: int) -> int:
    """Return another number of 12 digits."""
    return number * 0x9E3779B97F4A7C15 % 10**12


def notes(place: Path, count: int, partitions: int) -> None:
    """Run all steps on made-up notes."""
    exact.MATCHED = signature_files.MATCHED = -(-count // partitions)
    folder = folder_in(place)
    tasks = -(-count // PART)
    with Measured("making notes"):
        for task in range(tasks):
            numbers = range(task * PART, min((task + 1) * PART, count))
            write_keys(folder.scratch, task, numbers)
            number = np.arange(numbers.start, numbers.stop, dtype=np.uint64)
            group = np.where(number % 10 < 5, number, mix(number) % np.uint64(max(1, count)))
            group -= group % 10 - group % 5  # half of the documents have the content of others
            digests = np.stack([mix(group), mix(group + np.uint64(1 << 60))], axis=1)
            digests.tofile(folder.scratch / scratch("digests", task))
            near = np.where(group % 5 == 4, group - group % 15, group)  # a fifth: in groups of 3
            bands = [mix((near if band < 8 else group) * 16 + band) for band in range(14)]
            np.array(bands, np.uint64).tofile(folder.scratch / scratch("bands", task))
            rows = (near[:, None] * 32 + np.arange(20, dtype=np.uint64)) & np.uint64(0xFFFFFFFF)
            rows.astype(np.uint32).tofile(folder.scratch / scratch("shingles", task))
            np.full(len(number), 20, np.int64).tofile(folder.scratch / scratch("sizes", task))
    documents = DocumentTable(TaskParts((), folder.scratch, tasks))
    keep = KeepConfig()
    found = Exact(keep)
    found.match(folder, documents, 1, [])
    removed = found.removed(folder.scratch)
    print(f"{sum(map(len, removed.parts)):,} of {count:,} documents removed")
    near = NearDuplicates(MinHashConfig(), keep)
    near.match(folder, documents, 1, [found])
    with Measured("clusters in all"):
        count_clusters(folder, [found, near], documents, 1)
    sizes = {
        kind: sum(path.stat().st_size for path in folder.scratch.glob(f"{kind}-[0-9]*.scratch"))
        for kind in ("digests", "exact-runs", "bands", "bands-runs")
    }
    print(", ".join(f"{kind} {size / 1e6:,.1f} MB" for kind, size in sizes.items()))
    rank_documents(folder, keep, documents, 1)


def bands(place: Path, count: int, partitions: int) -> None:
    """Sort and match the keys of 4 bands."""
    if partitions:
        signature_files.MATCHED = -(-count // partitions)
    folder = folder_in(place)
    tasks = -(-count // PART)
    for task in range(tasks):
        number = np.arange(task * PART, min((task + 1) * PART, count), dtype=np.uint64)
        shared = np.where(number % 3 == 0, number // 3 % np.uint64(-(-count // 9)), number + count)
        keys = np.array([mix(shared * 16 + band) for band in range(4)], np.uint64)
        keys.tofile(folder.scratch / scratch("bands", task))
        np.ones(len(number), np.int64).tofile(folder.scratch / scratch("sizes", task))
        np.zeros(len(number), np.int64).tofile(folder.scratch / scratch("ends", task))
    documents = DocumentTable(TaskParts((), folder.scratch, tasks))
    runs = signature_files.band_runs(documents, 4)
    steps = {
        "bands-runs": (functools.partial(signature_files.write_band_run, runs, []), runs.parts),
        "bands": (
            functools.partial(signature_files.write_candidate_pairs, runs),
            signature_files.matching_tasks(runs),
        ),
    }
    for step, (work, subjects) in steps.items():
        with Measured(step):
            for number, subject in enumerate(subjects):
                work(subject, TaskWriter(place, step, number))
    made = [("mates", number) for number in range(len(steps["bands"][1]))]
    with Measured("groups"):
        files = signature_files.write_groups(
            documents, len(made), made, TaskWriter(place, "groups", 0)
        )
    written = {
        kind: sum(path.stat().st_size for path in folder.scratch.glob(f"{kind}-[0-9]*.scratch"))
        for kind in ("bands", "sizes", "bands-runs", "shingles-ends", "mates", "groups")
    }
    print(f"{runs.partitions} partitions, {files} files of groups")
    print(", ".join(f"{kind} {size / 1e6:,.1f} MB" for kind, size in written.items()))
    print("each file is read once more for its SHA-256 when it is written")


def bucket(place: Path, count: int, kind: str) -> None:
    """Run the steps of near-duplicates on documents that share one key."""
    folder = folder_in(place)
    chance = np.random.default_rng(1)
    template = chance.integers(0, 1 << 32, 700, np.uint32)
    tasks = -(-count // PART)
    for task in range(tasks):
        numbers = range(task * PART, min((task + 1) * PART, count))
        write_keys(folder.scratch, task, numbers)
        keys = chance.integers(0, 1 << 63, (14, len(numbers)), np.uint64)
        keys[3] = 7
        keys.tofile(folder.scratch / scratch("bands", task))
        rows = [page(kind, template, chance) for _ in numbers]
        np.concatenate(rows).tofile(folder.scratch / scratch("shingles", task))
        np.array([len(row) for row in rows]).tofile(folder.scratch / scratch("sizes", task))
    documents = DocumentTable(TaskParts((), folder.scratch, tasks))
    found = NearDuplicates(MinHashConfig(), KeepConfig())
    found.match(folder, documents, 1, [])
    removed = sum(map(len, found.duplicates(folder.scratch).parts))
    print(f"{kind}: {removed:,} of {count:,} documents removed")


def page(kind: str, template: NDArray[np.uint32], chance: np.random.Generator) -> Any:
    """Return the shingles of a document."""
    kept = {"copies": 680, "template": 525, "edited": 600}[kind]
    chosen = template[:kept] if kind == "template" else chance.choice(template, kept, replace=False)
    return np.unique(np.append(chosen, chance.integers(0, 1 << 32, 700 - kept, np.uint32)))


def edges(nodes: int, count: int, kind: str) -> Iterator[tuple[Any, Any]]:
    """Yield pairs of nodes."""
    batch = 1 << 20
    for start in range(0, count, batch):
        number = np.arange(start, min(start + batch, count), dtype=np.uint64)
        if kind == "random":
            one, other = (mix(2 * number + each) % np.uint64(nodes) for each in range(2))
        else:  # groups of 4 nodes that lie apart
            group = mix(number) % np.uint64(nodes // 4)
            pair = mix(number + np.uint64(1 << 62)) % np.uint64(3)
            one, other = group + pair * (nodes // 4), group + (pair + 1) * (nodes // 4)
        yield one.astype(np.int64), other.astype(np.int64)


def many_components(nodes: int, count: int, kind: str) -> None:
    """Find the components of a large graph."""
    with Measured("edges alone"):
        for _ in edges(nodes, count, kind):
            pass
    with Measured(f"{kind}: components"):
        label = components(nodes, edges(nodes, count, kind))
    found = int((label == np.arange(nodes)).sum())
    print(f"{nodes:,} nodes, {count:,} edges: {found:,} components")


def documents(place: Path, count: int, workers: int) -> None:
    """Run the command on small documents, half of them repeated."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    chance = random.Random(1)
    words = [f"{chance.randrange(10**6):x}" for _ in range(20_000)]
    path = place / "in.jsonl"
    with path.open("w") as file:
        for number in range(count):
            content = random.Random(number % (count // 2))
            text = " ".join(content.choices(words, k=60))
            file.write(json.dumps({"id": f"{number:09}", "source": "web", "text": text}) + "\n")
    command = [sys.executable, "-m", "lmkit", "dedup", str(path), "--output", str(place / "out")]
    started = time.monotonic()
    subprocess.run([*command, "--workers", str(workers)], check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    size = path.stat().st_size / 1e6
    print(f"{time.monotonic() - started:.0f} s, {size:.0f} MB, largest process {peak:.2f} GB")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("notes", "bands", "bucket", "components", "documents"))
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--partitions", type=int, default=40)
    parser.add_argument("--kind")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if given.what == "components":
        nodes, count = (int(value) for value in given.arguments or (10**8, 150_000_000))
        many_components(nodes, count, given.kind or "groups")
        return
    place, *rest = given.arguments
    default = {"notes": 10**7, "bands": 10**7, "bucket": 100_000, "documents": 10**6}[given.what]
    run = {
        "notes": functools.partial(notes, partitions=given.partitions),
        "bands": functools.partial(bands, partitions=given.partitions),
        "bucket": functools.partial(bucket, kind=given.kind or "template"),
        "documents": functools.partial(documents, workers=given.workers),
    }[given.what]
    run(Path(place), int(rest[0]) if rest else default)


if __name__ == "__main__":
    main()
