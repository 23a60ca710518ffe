"""How much memory do `lmkit train-tokenizer` and `lmkit pack` use for gigabytes of text?

    python tests/benchmarks/memory.py CORPORA SCRATCH [GIGABYTES] [WORKERS]

Books are repeated with changes (one word in fifty becomes a number) and split into documents of
lognormal lengths. Prints the wall time, and the peak memory of the process and its children: the
sum of their resident sets, in which shared memory counts more than once. SCRATCH needs about twice
the size; its files are removed at the end.
"""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import zstandard

FILES = 8
PAGE = 4096


def books(corpora: Path) -> list[list[str]]:
    found: list[list[str]] = []
    for path in sorted((corpora / "books").glob("*.txt.zst")):
        with path.open("rb") as file:
            text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
        found.append(text.split(" "))
    return found


def write(corpora: Path, folder: Path, size: int) -> tuple[int, int]:
    """Write about `size` bytes of text as JSON lines; return the documents and the bytes."""
    generator = random.Random(1)
    words = books(corpora)
    documents = written = 0
    for number in range(FILES):
        with (folder / f"{number}.jsonl").open("w") as file:
            while written < size * (number + 1) / FILES:
                book = list(generator.choice(words))
                for index in generator.sample(range(len(book)), len(book) // 50):
                    book[index] = str(generator.randrange(10_000))
                start = 0
                while start < len(book):
                    count = int(generator.lognormvariate(5.8, 1.0)) + 5
                    text = " ".join(book[start : start + count])
                    start += count
                    file.write(json.dumps({"id": str(documents), "text": text}) + "\n")
                    documents += 1
                    written += len(text.encode())
    return documents, written


def resident(process: int) -> int:
    """Resident bytes of a process and of its descendants."""
    try:
        resident_here = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = {c for task in tasks for c in (task / "children").read_text().split()}
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return resident_here + sum(resident(int(child)) for child in children)


def measure(command: str, inputs: Path, output: Path, workers: int, *more: object) -> None:
    """Run a command on a folder, and print its time and memory."""
    options = ["--output", output, "--workers", workers, *more]
    words = [sys.executable, "-m", "lmkit", command, inputs, *options]
    start, peak = time.monotonic(), 0
    run = subprocess.Popen([str(word) for word in words])
    while run.poll() is None:
        peak = max(peak, resident(run.pid))
        time.sleep(0.1)
    seconds = time.monotonic() - start
    print(
        f"{command}: exit {run.returncode}, {seconds:.0f} s, at most {peak / 1e9:.2f} GB",
        flush=True,
    )


def main(corpora: Path, scratch: Path, gigabytes: float, workers: int) -> None:
    folder = scratch / "memory"
    (folder / "text").mkdir(parents=True)
    try:
        documents, size = write(corpora, folder / "text", int(gigabytes * 1e9))
        print(f"{documents:,} documents, {size / 1e9:.2f} GB of text", flush=True)
        text, tokenizer = folder / "text", folder / "tokenizer"
        measure("train-tokenizer", text, tokenizer, workers)
        rows = ("--tokenizer", tokenizer, "--packing", "best-fit")
        measure("pack", text, folder / "packed", workers, *rows)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    corpora, scratch, *rest = sys.argv[1:]
    gigabytes, workers = (*rest, *("4", "2")[len(rest) :])
    main(Path(corpora), Path(scratch), float(gigabytes), int(workers))
