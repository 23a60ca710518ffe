"""How much memory does `lmkit pack` take for gigabytes of text?

    python tests/benchmarks/pack_memory.py CORPORA TOKENIZER SCRATCH [GIGABYTES] [WORKERS]

Books are repeated with changes (every word of one in fifty becomes a number) and cut in documents
of lognormal lengths. Prints the wall time, and the most memory that the process and its children
had at once: the sum of their resident sets, in which what they share counts more than once.
SCRATCH needs about twice the size; what is made there is removed.
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
    """Write about so many bytes of text as JSON lines; return the documents and the bytes."""
    generator = random.Random(1)
    words = books(corpora)
    documents = written = 0
    for number in range(FILES):
        with (folder / f"{number}.jsonl").open("w") as file:
            while written < size * (number + 1) / FILES:
                book = list(generator.choice(words))
                for place in generator.sample(range(len(book)), len(book) // 50):
                    book[place] = str(generator.randrange(10_000))
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
    """Bytes of memory of a process and of all below it."""
    try:
        own = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = {c for task in tasks for c in (task / "children").read_text().split()}
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return own + sum(resident(int(child)) for child in children)


def main(corpora: Path, tokenizer: Path, scratch: Path, gigabytes: float, workers: int) -> None:
    folder = scratch / "pack-memory"
    (folder / "text").mkdir(parents=True)
    try:
        documents, size = write(corpora, folder / "text", int(gigabytes * 1e9))
        print(f"{documents:,} documents, {size / 1e9:.2f} GB of text", flush=True)
        command = [sys.executable, "-m", "lmkit", "pack", folder / "text", "--tokenizer", tokenizer]
        options = ["--output", folder / "packed", "--packing", "best-fit", "--workers", workers]
        started, most = time.monotonic(), 0
        run = subprocess.Popen([str(word) for word in [*command, *options]])
        while run.poll() is None:
            most = max(most, resident(run.pid))
            time.sleep(0.1)
        seconds = time.monotonic() - started
        print(f"exit {run.returncode}, {seconds:.0f} s, at most {most / 1e9:.2f} GB", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    corpora, tokenizer, scratch, *rest = sys.argv[1:]
    gigabytes, workers = (*rest, *("4", "2")[len(rest) :])
    main(Path(corpora), Path(tokenizer), Path(scratch), float(gigabytes), int(workers))
