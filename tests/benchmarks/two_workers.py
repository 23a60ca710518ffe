"""How much faster are two workers than one, in clean, dedup and pack?

    LMKIT_CORPORA=... python tests/benchmarks/two_workers.py [--only NAME,...] [--repeats 3]
        [--large 270000000] [--file 200000000] [--package CHECKOUT]

Every run is a command of its own, from the start of Python to its end. The runs with one and two
workers alternate; the medians and their ratio are printed, line by line. It needs two idle cores
and 4 GB of disk: about 90 s a repeat for the small input, 40 minutes a repeat for everything.

    small     27 MB of books in 120 files; asked: never slower, with rules (*-books) 1.5 times
    large     the same books with other words, 270 MB in 1,200 files; asked: 1.8 times
    jsonl, jsonl.zst, parquet, warc.gz, wiki
              one file of 200 MB of text of each kind that is split between tasks; asked: 1.8 times

Plain text isn't split: one file is one document. The .zst file has a frame for each 4 MB, as
pzstd and `zstd --rsyncable` users write it; one frame cannot be split. dedup reads JSON lines only,
and pack what clean wrote of each input (one worker, the same cut).
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

DOCUMENT = 5_000
"""Characters of a document of the big files."""
FRAME = 4_000_000
WIKI = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/">\n'


def books(size: int) -> Iterator[str]:
    """Yield texts with about `size` characters in all; each time round with other words."""
    folder = Path(os.environ["LMKIT_CORPORA"]) / "books"
    unpack = zstandard.ZstdDecompressor()
    turn = 0
    while size > 0:
        for path in sorted(folder.glob("*.txt.zst")):
            text = unpack.stream_reader(path.read_bytes()).read().decode("utf-8", "replace")
            text = text.replace(" the ", f" the{turn or ''} ").replace(
                " and ", f" and{turn or ''} "
            )
            yield text[:size]
            size -= len(text)
            if size <= 0:
                return
        turn += 1


def documents(size: int) -> Iterator[str]:
    """Yield texts of 5,000 characters."""
    for text in books(size):
        for start in range(0, len(text), DOCUMENT):
            yield text[start : start + DOCUMENT]


def write_folder(folder: Path, size: int, files: int) -> None:
    """Write text files of the same size."""
    folder.mkdir()
    text = "".join(books(size))
    step = -(-len(text) // files)
    for number in range(files):
        part = text[number * step : (number + 1) * step]
        (folder / f"{number:04}.txt").write_text(part, "utf-8")


def json_lines(size: int) -> Iterator[bytes]:
    """Yield lines of JSON."""
    for number, text in enumerate(documents(size)):
        yield json.dumps({"id": str(number), "text": text}).encode() + b"\n"


def write_zst(path: Path, size: int) -> None:
    """Write JSON lines in frames."""
    frame = io.BytesIO()
    with path.open("wb") as file:
        for line in json_lines(size):
            frame.write(line)
            if frame.tell() > FRAME:
                file.write(zstandard.compress(frame.getvalue()))
                frame = io.BytesIO()
        file.write(zstandard.compress(frame.getvalue()))


def write_parquet(path: Path, size: int) -> None:
    """Write rows, 1,000 to a group."""
    schema = pa.schema({"id": pa.string(), "text": pa.string()})
    texts = list(documents(size))
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(texts), 1_000):
            group = texts[start : start + 1_000]
            ids = [str(start + number) for number in range(len(group))]
            writer.write_table(pa.table({"id": ids, "text": group}, schema))


def write_warc(path: Path, size: int) -> None:
    """Write web pages, a gzip member each."""
    headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for number, text in enumerate(documents(size)):
            paragraphs = "".join(f"<p>{part}</p>\n" for part in text.split("\n\n"))
            page = f"<html><body><article>{paragraphs}</article></body></html>".encode()
            url = f"http://example.org/{number}"
            record = writer.create_warc_record(
                url, "response", payload=io.BytesIO(page), http_headers=headers
            )
            writer.write_record(record)


def write_wiki(path: Path, size: int) -> None:
    """Write the dump of a wiki."""
    with path.open("w", encoding="utf-8") as file:
        file.write(WIKI)
        for number, text in enumerate(documents(size)):
            plain = text.replace("&", "and").replace("<", " ").replace(">", " ")
            file.write(
                f"<page><title>{number}</title><ns>0</ns><id>{number}</id><revision><id>1</id>"
                f'<text xml:space="preserve">{plain}</text></revision></page>\n'
            )
        file.write("</mediawiki>\n")


def inputs(scratch: Path, large: int, size: int) -> dict[str, Callable[[], Path]]:
    """Return for each input what writes it, and returns its path."""

    def of(name: str, write: Callable[[Path], None]) -> Callable[[], Path]:
        def made() -> Path:
            path = scratch / name
            if not path.exists():
                write(path)
            return path

        return made

    return {
        "small": of("small", lambda path: write_folder(path, 27_000_000, 120)),
        "large": of("large", lambda path: write_folder(path, large, 1_200)),
        "jsonl": of("a.jsonl", lambda path: path.write_bytes(b"".join(json_lines(size)))),
        "jsonl.zst": of("a.jsonl.zst", lambda path: write_zst(path, size)),
        "parquet": of("a.parquet", lambda path: write_parquet(path, size)),
        "warc.gz": of("a.warc.gz", lambda path: write_warc(path, size)),
        "wiki": of("a.xml", lambda path: write_wiki(path, size)),
    }


class Runs:
    """Runs lmkit, and measures how long it takes."""

    def __init__(self, scratch: Path, package: Path, repeats: int) -> None:
        self._scratch, self._repeats = scratch, repeats
        self._environment = {**os.environ, "PYTHONPATH": str(package), "HF_HUB_OFFLINE": "1"}

    def seconds(self, output: str, workers: int, *arguments: str) -> float:
        """Run a command into an empty folder."""
        folder = self._scratch / output
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "lmkit", *arguments, "--output", str(folder)]
        command += ["--workers", str(workers)]
        started = time.perf_counter()
        subprocess.run(
            command, env=self._environment, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        return time.perf_counter() - started

    def compare(self, name: str, *arguments: str) -> None:
        """Print how long a command takes with one worker and with two, in turn."""
        times: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(self._repeats):
            for workers, found in times.items():
                found.append(self.seconds("measured", workers, *arguments))
        one, two = statistics.median(times[1]), statistics.median(times[2])
        all_times = ", ".join(
            f"{workers}: {' '.join(f'{each:.1f}' for each in found)}"
            for workers, found in times.items()
        )
        print(f"{name:24} {one:7.2f} s {two:7.2f} s {one / two:5.2f} x   ({all_times})", flush=True)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="names of inputs, with commas")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=270_000_000)
    parser.add_argument("--file", type=int, default=200_000_000)
    parser.add_argument("--package", type=Path, default=Path(__file__).parents[2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        runs = Runs(scratch, options.package, options.repeats)
        every = inputs(scratch, options.large, options.file)
        cleaned, tokenizer = str(scratch / "cleaned"), str(scratch / "tokenizer")
        runs.seconds("cleaned", 1, "clean", str(every["small"]()))
        runs.seconds("tokenizer", 1, "train-tokenizer", cleaned, "--vocab-size", "16000")
        print(f"{'':24} {'one':>9} {'two':>9} {'ratio':>7}")
        for name in options.only.split(",") if options.only else every:
            raw = str(every[name]())
            runs.compare(f"clean {name}", "clean", raw)
            if name in {"small", "large"}:
                runs.compare(f"clean {name} books", "clean", raw, "--filters.preset", "books")
            runs.seconds("cleaned", 1, "clean", raw)
            runs.compare(f"dedup {name}", "dedup", raw if name.startswith("jsonl") else cleaned)
            runs.compare(f"pack {name}", "pack", cleaned, "--tokenizer", tokenizer)


if __name__ == "__main__":
    main()
