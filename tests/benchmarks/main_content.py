"""Main content of pages: precision, recall, F1 and speed of each extraction.

    python tests/benchmarks/main_content.py CORPORA [HALF]

- web: 181 pages with their articles; 4-word shingles, averaged over pages.
- web2: 672 pages with segments that must and must not be in the result; precision is the fraction
  of wanted segments among those found.
- Both are split in halves by a hash of the host: half 0 is the one to look at, half 1 (the default)
  the one to report.
- trafilatura runs as it is, without comments, on the page that lmkit decoded.
"""

import gzip
import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trafilatura
import zstandard

from lmkit.readers.html import page_html, page_text
from lmkit.readers.options import ReaderConfig
from lmkit.readers.reader import Request
from tests.benchmarks.clean_speed import score

Page = tuple[bytes, Any]


def half_of(url: str) -> int:
    host = (urlsplit(url).hostname or url).removeprefix("www.")
    return hashlib.sha256(host.encode()).digest()[0] & 1


def web(corpora: Path, half: int) -> list[Page]:
    packed = (corpora / "web" / "ground-truth.json.zst").read_bytes()
    truth = json.loads(zstandard.ZstdDecompressor().stream_reader(packed).read())
    return [
        (gzip.decompress((corpora / "web" / "html" / f"{name}.html.gz").read_bytes()), page)
        for name, page in sorted(truth.items())
        if half_of(page["url"]) == half
    ]


def web2(corpora: Path, half: int) -> list[Page]:
    truth = json.loads(gzip.decompress((corpora / "web2" / "ground-truth.json.gz").read_bytes()))
    return [
        (gzip.decompress((corpora / "web2" / "html" / page["file"]).read_bytes()), page)
        for url, page in sorted(truth.items())
        if half_of(url) == half
    ]


def of_shingles(texts: list[str], pages: list[Page]) -> tuple[float, float, float]:
    return score(texts, [page["articleBody"] for _, page in pages])


def of_segments(texts: list[str], pages: list[Page]) -> tuple[float, float, float]:
    wanted = found = unwanted = 0
    for text, (_, page) in zip(texts, pages, strict=True):
        folded = " ".join(text.split())
        wanted += len(page["with"])
        found += sum(" ".join(segment.split()) in folded for segment in page["with"])
        unwanted += sum(" ".join(segment.split()) in folded for segment in page["without"])
    precision, recall = found / (found + unwanted), found / wanted
    return precision, recall, 2 * precision * recall / (precision + recall)


def by_lmkit(mode: Any) -> Callable[[bytes], str]:
    request = Request(reading=ReaderConfig(html=mode))
    return lambda data: page_text(data, request)[0]


def by_trafilatura(data: bytes) -> str:
    return trafilatura.extract(page_html(data), include_comments=False) or ""


if __name__ == "__main__":
    corpora, half = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    ways = {mode: by_lmkit(mode) for mode in ("main", "fast", "all")}
    ways["trafilatura"] = by_trafilatura
    for name, pages, scored in (
        ("web", web(corpora, half), of_shingles),
        ("web2", web2(corpora, half), of_segments),
    ):
        size = sum(len(data) for data, _ in pages) / 1e6
        for way, extract in ways.items():
            started = time.process_time()
            texts = [extract(data) for data, _ in pages]
            seconds = time.process_time() - started
            precision, recall, f1 = scored(texts, pages)
            empty = sum(not text.strip() for text in texts)
            print(
                f"{name}, {len(pages)} pages, {way}: P {precision:.3f} R {recall:.3f} F1 {f1:.4f}, "
                f"{size / seconds:.1f} MB/s, {empty} empty"
            )
