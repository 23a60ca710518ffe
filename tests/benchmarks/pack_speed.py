"""The speed of `lmkit pack`, compared with a bare loop of `encode_batch` with the same threads.

    python tests/benchmarks/pack_speed.py CORPORA TOKENIZER SCRATCH [THREADS] [ROUNDS] [MEGABYTES]
        [CHARACTERS]

Books are split into documents of CHARACTERS (0: whole books; by default, lognormal lengths).
Alternately: the loop, which has its texts in memory and counts ids; and the command, from JSON
lines to a finished folder. Prints tokens per second of wall time and of processor time, and the
ratios of the medians. The command's times include its start, the loop's don't.
"""

import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import zstandard

LOOP = """
import json, os, sys, tokenizers
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
texts = [json.loads(line)["text"] for line in open(sys.argv[2])]
import time; started, used = time.monotonic(), time.process_time()
tokens = 0
size = max(2, min(500, 2_000_000 * len(texts) // sum(map(len, texts))))  # of whole books, a few
for start in range(0, len(texts), size):
    encodings = tokenizer.encode_batch(texts[start : start + size], add_special_tokens=False)
    tokens += sum(len(encoding.ids) for encoding in encodings)
print(tokens, time.monotonic() - started, time.process_time() - used)
"""


def write(corpora: Path, path: Path, size: int, characters: int | None) -> None:
    generator, written, number = random.Random(1), 0, 0
    with path.open("w") as file:
        for book in sorted((corpora / "books").glob("*.txt.zst")):
            with book.open("rb") as stream:
                text = zstandard.ZstdDecompressor().stream_reader(stream).read().decode()
            start = 0
            while start < len(text) and written < size:
                count = int(generator.lognormvariate(7.5, 1.0)) + 50
                count = count if characters is None else characters or len(text)
                part = text[start : start + count]
                file.write(json.dumps({"id": str(number), "text": part}) + "\n")
                start, number, written = start + count, number + 1, written + len(part)


def loop(tokenizer: Path, documents: Path, threads: int) -> tuple[float, float]:
    command = [sys.executable, "-c", LOOP, str(tokenizer / "tokenizer.json"), str(documents)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, preexec_fn=partial(_few_cores, threads)
    )
    tokens, wall, used = map(float, done.stdout.split())
    return tokens / wall, tokens / used


def pack(tokenizer: Path, documents: Path, output: Path, threads: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "lmkit", "pack", documents, "--tokenizer", tokenizer]
    options = ["--output", output, "--overwrite", "--workers", threads]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    words = [str(word) for word in [*command, *options]]
    cores = partial(_few_cores, threads)
    subprocess.run(words, check=True, capture_output=True, preexec_fn=cores)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    tokens = json.loads((output / "manifest.json").read_text())["counts"]["more"]["tokens"]
    return tokens / wall, tokens / used


def _few_cores(threads: int) -> None:
    os.sched_setaffinity(0, range(threads))


def main(
    corpora: Path,
    tokenizer: Path,
    scratch: Path,
    threads: int = 2,
    rounds: int = 3,
    megabytes: int = 90,
    characters: int | None = None,
) -> None:
    folder = scratch / "pack-speed"
    folder.mkdir(parents=True)
    try:
        write(corpora, folder / "documents.jsonl", megabytes * 1_000_000, characters)
        found: dict[str, list[tuple[float, float]]] = {"loop": [], "pack": []}
        for _ in range(rounds):
            found["loop"].append(loop(tokenizer, folder / "documents.jsonl", threads))
            found["pack"].append(
                pack(tokenizer, folder / "documents.jsonl", folder / "packed", threads)
            )
            for name, values in found.items():
                wall, used = values[-1]
                print(f"{name}: {wall:,.0f} tokens per second, {used:,.0f} per processor second")
        for number, what in enumerate(("wall time", "processor time")):
            medians = [statistics.median(v[number] for v in values) for values in found.values()]
            print(f"{what}: pack has {medians[1] / medians[0]:.2f} of the loop's speed", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    corpora, tokenizer, scratch, *rest = sys.argv[1:]
    main(Path(corpora), Path(tokenizer), Path(scratch), *map(int, rest))
