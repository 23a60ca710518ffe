"""Speed and extraction quality of `lmkit clean`.

    python tests/benchmarks/clean_speed.py CORPORA SCRATCH [PEER_PYTHON]

- HTML: 181 pages with known articles; precision, recall and F1 of 4-word shingles, averaged over
  pages, and megabytes per processor second; compared with trafilatura.
- WARC: those pages 50 times in a .warc.gz in Common Crawl's layout, written by warcio; one worker,
  then two; and 3 times, compared with datatrove's WarcReader and Trafilatura. WET: the articles 50
  times.
- JSON lines: books split into documents, `--filters.preset none`, with the default normalization,
  and with NFC and white space only; and one line, to measure the start-up time. The bare loop that
  they are compared with decodes each line by orjson, encodes it again, and compresses it as clean
  does.
- The peers run with the given PEER_PYTHON, which needs trafilatura, datatrove, warcio,
  faust-cchardet and python-magic.
"""

import gzip
import io
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import zstandard

from lmkit.readers.html import page_text
from lmkit.readers.reader import Request

PEER = """
import json, sys, time, trafilatura
pages = [open(path, encoding="utf-8", errors="replace").read() for path in sys.argv[1:]]
started = time.process_time()
texts = [trafilatura.extract(page) or "" for page in pages]
print(json.dumps([time.process_time() - started, texts]))
"""

DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import JsonlWriter
folder, output = sys.argv[1:]
steps = [WarcReader(folder, glob_pattern="few.warc.gz"), Trafilatura(), JsonlWriter(output)]
LocalPipelineExecutor(steps, tasks=1, logging_dir=output + "-logs").run()
"""


BARE = """
import sys, orjson, zstandard
with open(sys.argv[2], "wb") as out, open(sys.argv[1], "rb") as lines:
    stream = zstandard.ZstdCompressor(3, write_checksum=True).stream_writer(out)
    for line in lines:
        stream.write(orjson.dumps(orjson.loads(line), option=orjson.OPT_APPEND_NEWLINE))
    stream.close()
"""


def shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[n : n + 4]) for n in range(max(1, len(words) - 3)))


def score(texts: list[str], articles: list[str]) -> tuple[float, float, float]:
    precisions, recalls = [], []
    for text, article in zip(texts, articles, strict=True):
        found, expected = shingles(text), shingles(article)
        both = (found & expected).total()
        precisions.append(both / max(1, found.total()))
        recalls.append(both / max(1, expected.total()))
    precision, recall = (sum(values) / len(values) for values in (precisions, recalls))
    return precision, recall, 2 * precision * recall / (precision + recall)


def html(corpora: Path, scratch: Path, peer: str | None) -> tuple[list[bytes], list[str]]:
    packed = zstandard.ZstdDecompressor().stream_reader
    truth = json.loads(packed((corpora / "web" / "ground-truth.json.zst").open("rb")).read())
    names = sorted(truth)
    pages = [
        gzip.decompress((corpora / "web" / "html" / f"{n}.html.gz").read_bytes()) for n in names
    ]
    articles = [truth[name]["articleBody"] for name in names]
    size = sum(map(len, pages)) / 1e6
    request = Request()
    started = time.process_time()
    texts = [page_text(page, request)[0] for page in pages]
    used = time.process_time() - started
    print(
        "html: P {:.3f} R {:.3f} F1 {:.3f}".format(*score(texts, articles)),
        f"{size / used:.0f} MB/s",
    )
    if peer:
        files = []
        for name, page in zip(names, pages, strict=True):
            files.append(scratch / f"{name}.html")
            files[-1].write_bytes(page)
        done = subprocess.run([peer, "-c", PEER, *files], capture_output=True, check=True)
        used, texts = json.loads(done.stdout)
        print(
            "trafilatura: P {:.3f} R {:.3f} F1 {:.3f}".format(*score(texts, articles)),
            f"{size / used:.0f} MB/s",
        )
    return pages, articles


def clean(name: str, path: Path, output: Path, size: int, *options: str) -> None:
    command = [sys.executable, "-m", "lmkit", "clean", path, "--output", output, "--overwrite"]
    measured(name, [*command, *options], size)
    counts = json.loads((output / "manifest.json").read_text())["counts"]
    print("   ", {name: count for name, count in counts.items() if count})


def measured(name: str, command: list[Path | str], size: int) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{name}: {size / 1e6:.1f} MB, {wall:.2f} s, {size / 1e6 / wall:.0f} MB/s of wall time, "
        f"{size / 1e6 / used:.0f} MB/s of processor time, "
        f"peak memory so far {after.ru_maxrss / 1e3:.0f} MB"
    )


def write_archive(path: Path, kind: str, bodies: list[bytes], times: int) -> None:
    """Write an archive in Common Crawl's layout: a warcinfo record, then one for each page."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    page = kind == "response"
    mime = "text/html" if page else "text/plain"
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        writer.write_record(writer.create_warcinfo_record(path.name, {"isPartOf": "CC-MAIN"}))
        for number in range(times):
            for at, body in enumerate(bodies):
                http = StatusAndHeaders("200 OK", [("Content-Type", mime)], protocol="HTTP/1.1")
                record = writer.create_warc_record(
                    f"http://x.org/{number}/{at}",
                    kind,
                    payload=io.BytesIO(body),
                    warc_content_type="" if page else mime,
                    warc_headers_dict={"WARC-Identified-Payload-Type": mime} if page else {},
                    http_headers=http if page else None,
                )
                writer.write_record(record)


def warc(pages: list[bytes], articles: list[str], scratch: Path, peer: str | None) -> None:
    size = sum(map(len, pages))
    if peer:
        few = scratch / "few" / "few.warc.gz"
        few.parent.mkdir()
        write_archive(few, "response", pages, 3)
        clean("few.warc.gz, 1 worker", few, scratch / "out", 3 * size, "--workers", "1")
        measured(
            "few.warc.gz, datatrove",
            [peer, "-c", DATATROVE, few.parent, scratch / "datatrove"],
            3 * size,
        )
    path = scratch / "pages.warc.gz"
    write_archive(path, "response", pages, 50)
    for workers in ("1", "2"):
        clean(f"warc.gz, {workers} workers", path, scratch / "out", 50 * size, "--workers", workers)
    path = scratch / "pages.warc.wet.gz"
    texts = [article.encode() for article in articles]
    write_archive(path, "conversion", texts, 50)
    size = 50 * sum(map(len, texts))
    clean("wet.gz, 1 worker", path, scratch / "out", size, "--workers", "1")


def json_lines(corpora: Path, scratch: Path) -> None:
    path = scratch / "books.jsonl"
    with path.open("w") as file:
        for book in sorted((corpora / "books").glob("*.txt.zst"))[:250]:
            text = zstandard.ZstdDecompressor().stream_reader(book.open("rb")).read().decode()
            for start in range(0, len(text), 4_000):
                file.write(
                    json.dumps({"text": text[start : start + 4_000]}, ensure_ascii=False) + "\n"
                )
    size = path.stat().st_size
    none = ("--filters.preset", "none", "--workers", "1")
    plain = ("--no-normalize.mojibake", "--no-normalize.control")
    (scratch / "line.jsonl").write_text('{"text": "one"}\n')
    clean("one line", scratch / "line.jsonl", scratch / "out", 16, *none)
    bare = [sys.executable, "-c", BARE, path, scratch / "bare.jsonl.zst"]
    measured("jsonl, bare loop", bare, size)
    clean("jsonl, default", path, scratch / "out", size, *none)
    clean("jsonl, NFC and white space", path, scratch / "out", size, *none, *plain)


if __name__ == "__main__":
    corpora, scratch, *rest = sys.argv[1:]
    Path(scratch).mkdir(parents=True)
    peer = rest[0] if rest else None
    pages, articles = html(Path(corpora), Path(scratch), peer)
    json_lines(Path(corpora), Path(scratch))
    warc(pages, articles, Path(scratch), peer)
