"""How many rows, how much padding, how many documents cut: the ways of packing, side by side.

    python tests/benchmarks/packing_quality.py CORPORA TOKENIZER [DOCUMENTS.jsonl.zst ...]

1. Rows, padding and cut documents at 512 and 2,048 tokens: on the articles and books of the
   corpora, books in chapters of some pages, and on documents that are named.
2. Padding of best-fit on lognormal lengths (median 450, mean 980).
3. Rows of best-fit beside those of best-fit-decreasing done literally, on the named documents.
4. Seconds for ten million lognormal lengths.
"""

import bisect
import json
import math
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from lmkit.packing.best_fit import best_fit
from lmkit.packing.chunking import chunk, one_document_per_sequence
from lmkit.tokenizers.tokenizer import Tokenizer

WAYS: dict[str, Callable[[NDArray[np.int64], int], Any]] = {
    "chunk": chunk,
    "best-fit": best_fit,
    "document": one_document_per_sequence,
}


def unpacked(path: Path) -> str:
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read().decode("utf-8", "replace")


def web_and_books(corpora: Path) -> list[str]:
    articles = json.loads(unpacked(corpora / "web/ground-truth.json.zst"))
    texts = [article["articleBody"] for article in articles.values()]
    for path in sorted((corpora / "books").glob("*.txt.zst"))[::10]:
        texts += re.split(r"\r?\n(?:\r?\n){3,}", unpacked(path))
    return [text for text in texts if text.strip()]


def lengths(texts: list[str], tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Tokens of each text, with begin and end."""
    return np.array([len(ids) + 2 for ids in tokenizer.encode_batch(texts)], np.int64)


def literal_rows(counts: NDArray[np.int64], size: int) -> int:
    """Rows of best-fit-decreasing: each piece, the longest first, in the fullest row it fits in."""
    pieces = [size] * int((counts // size).sum()) + [int(n) for n in counts % size if n]
    rooms: list[int] = []
    rows = 0
    for piece in sorted(pieces, reverse=True):
        place = bisect.bisect_left(rooms, piece)
        if place == len(rooms):
            rows += 1
            room = size
        else:
            room = rooms.pop(place)
        bisect.insort(rooms, room - piece)
    return rows


def compare(name: str, counts: NDArray[np.int64]) -> None:
    print(f"{name}: {len(counts):,} documents, {counts.sum():,} tokens")
    for size in (512, 2_048):
        for way, pack_into_sequences in WAYS.items():
            row_starts, pieces = pack_into_sequences(counts, size)
            rows = len(row_starts) - 1
            times = np.bincount(pieces["document"].astype(np.int64), minlength=len(counts))
            cut, fits = times > 1, counts <= size
            padding = 1 - counts.sum() / (rows * size)
            print(
                f"  {size:,} {way}: {rows:,} rows, {padding:.3%} padding, {cut.mean():.2%} of the "
                f"documents cut, {(cut & fits).mean():.2%} that would have fit"
            )


def lognormal(count: int, seed: int) -> NDArray[np.int64]:
    deviation = math.sqrt(2 * math.log(980 / 450))  # mean / median = exp(deviation² / 2)
    drawn = np.random.default_rng(seed).lognormal(math.log(450), deviation, count)
    return np.maximum(1, drawn.astype(np.int64))


def main(corpora: Path, tokenizer: Tokenizer, named: list[Path]) -> None:
    compare("articles and books", lengths(web_and_books(corpora), tokenizer))
    for path in named:
        texts = [json.loads(line)["text"] for line in unpacked(path).splitlines()]
        counts = lengths(texts, tokenizer)
        compare(path.name, counts)
        for size in (512, 2_048):
            ours = len(best_fit(counts, size)[0]) - 1
            print(f"  {size:,}: best-fit {ours:,} rows, literally {literal_rows(counts, size):,}")
    compare("lognormal", lognormal(200_000, 1))
    many = lognormal(10_000_000, 2)
    for size in (512, 2_048):
        started, used = time.monotonic(), time.process_time()
        rows = len(best_fit(many, size)[0]) - 1
        wall, used = time.monotonic() - started, time.process_time() - used
        print(
            f"10 million lengths in {rows:,} rows of {size:,}: {wall:.1f} s, {used:.1f} of them "
            "at work",
            flush=True,
        )


if __name__ == "__main__":
    corpora, tokenizer, *named = map(Path, sys.argv[1:])
    main(corpora, Tokenizer.load(tokenizer), named)
