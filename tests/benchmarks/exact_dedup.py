"""Exact deduplication of a large synthetic set: seconds and memory for each record.

    python tests/benchmarks/exact_dedup.py make FOLDER [DOCUMENTS] [--files 16]
    python tests/benchmarks/exact_dedup.py time FOLDER [--rounds 3] [--workers 1]

`make` writes documents of about 2 kB (word lists of Zipf-like frequencies, a third of them a copy
of an earlier document) as JSON lines (zstd) and as Parquet. `time` runs `lmkit dedup
--minhash.action none` on each, and beside it a bare loop that reads the same files, hashes each
text and writes the first of each with zstd, in turn; medians are quoted. Processor seconds are of
all processes.
"""

import argparse
import hashlib
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

COPIES = 1 / 3
WORDS_OF_A_TEXT = 330
BATCH = 1_000


def documents(count: int) -> Iterator[dict[str, str]]:
    """Yield records; some texts are copies of earlier ones under other ids."""
    generator = random.Random(1)
    syllables = ["ka", "to", "mi", "re", "su", "no", "la", "vi", "pe", "do", "ran", "tel", "os"]
    words = ["".join(generator.choices(syllables, k=generator.randint(1, 4))) for _ in range(5000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    kept: list[str] = []
    pool = generator.choices(words, weights, k=200_000)
    for number in range(count):
        if kept and generator.random() < COPIES:
            text = generator.choice(kept)
        else:
            start = generator.randrange(len(pool) - WORDS_OF_A_TEXT)
            text = f"{number} " + " ".join(pool[start : start + WORDS_OF_A_TEXT])
            if len(kept) < 50_000:
                kept.append(text)
        yield {"id": f"doc-{number:09}", "text": text, "url": f"https://example.org/{number}"}


def make(folder: Path, count: int, files: int) -> None:
    """Write the set as both formats."""
    for name in ("jsonl", "parquet"):
        (folder / name).mkdir(parents=True)
    records = documents(count)
    for number in range(files):
        end = (number + 1) * count // files - number * count // files
        part = [next(records) for _ in range(end)]
        path = folder / "jsonl" / f"{number:03}.jsonl.zst"
        with path.open("wb") as file, zstandard.ZstdCompressor(3).stream_writer(file) as writer:
            for record in part:
                writer.write(orjson.dumps(record) + b"\n")
        table = pa.Table.from_pylist(part)
        pq.write_table(table, folder / "parquet" / f"{number:03}.parquet", compression="zstd")
    print(f"{count:,} documents in {files} files")


def bare_jsonl(folder: Path, output: Path) -> int:
    """Keep the first of each text; return how many."""
    seen: set[bytes] = set()
    with output.open("wb") as file, zstandard.ZstdCompressor(3).stream_writer(file) as writer:
        for path in sorted(folder.iterdir()):
            with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as reader:
                rest = b""
                while block := reader.read(1 << 20):
                    *lines, rest = (rest + block).split(b"\n")
                    for line in lines:
                        record = orjson.loads(line)
                        digest = hashlib.blake2b(record["text"].encode(), digest_size=16).digest()
                        if digest not in seen:
                            seen.add(digest)
                            writer.write(orjson.dumps(record) + b"\n")
    return len(seen)


def bare_parquet(folder: Path, output: Path) -> int:
    """Keep the first of each text; return how many."""
    seen: set[bytes] = set()
    with output.open("wb") as file, zstandard.ZstdCompressor(3).stream_writer(file) as writer:
        for path in sorted(folder.iterdir()):
            for batch in pq.ParquetFile(path).iter_batches(BATCH):
                for record in batch.to_pylist():
                    digest = hashlib.blake2b(record["text"].encode(), digest_size=16).digest()
                    if digest not in seen:
                        seen.add(digest)
                        writer.write(orjson.dumps(record) + b"\n")
    return len(seen)


def timed(command: list[str]) -> tuple[float, float, float]:
    """Return wall seconds, processor seconds and the peak memory of a process in GB."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, spent, after.ru_maxrss / 1e6


def compare(folder: Path, rounds: int, workers: int) -> None:
    """Print the medians of lmkit and of the bare loop, for each format."""
    for name in ("jsonl", "parquet"):
        inputs, output = folder / name, folder / "out"
        size = sum(path.stat().st_size for path in inputs.iterdir())
        ours = [sys.executable, "-m", "lmkit", "dedup", str(inputs), "--output", str(output)]
        ours += ["--minhash.action", "none", "--workers", str(workers)]
        bare = [sys.executable, __file__, "bare", name, str(folder)]
        times: dict[str, list[tuple[float, float, float]]] = {"lmkit": [], "bare": []}
        for _ in range(rounds):
            for program, command in (("lmkit", ours), ("bare", bare)):
                shutil.rmtree(output, ignore_errors=True)
                times[program].append(timed(command))
                if program == "lmkit":
                    counts = json.loads((output / "manifest.json").read_text())["counts"]
        print(f"{name}: {size / 1e6:,.0f} MB on disk; {counts}")
        for program, rows in times.items():
            wall, spent, _ = (statistics.median(column) for column in zip(*rows, strict=True))
            print(f"  {program:6} {wall:7.1f} s  {spent:7.1f} processor s  (all: {rows})")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("make", "time", "bare"))
    parser.add_argument("rest", nargs="+")
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    typed = parser.parse_args()
    if typed.what == "make":
        count = int(typed.rest[1]) if len(typed.rest) > 1 else 1_000_000
        make(Path(typed.rest[0]), count, typed.files)
    elif typed.what == "time":
        compare(Path(typed.rest[0]), typed.rounds, typed.workers)
    else:
        name, folder = typed.rest
        bare = bare_jsonl if name == "jsonl" else bare_parquet
        bare(Path(folder) / name, Path(folder) / "bare.zst")


if __name__ == "__main__":
    main()
