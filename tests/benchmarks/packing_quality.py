"""Sequences, padding and split documents: a comparison of the packing algorithms.

    python tests/benchmarks/packing_quality.py CORPORA TOKENIZER [DOCUMENTS.jsonl.zst ...]

1. Sequences, padding and split documents at 512 and 2,048 tokens: on the articles and books of the
   corpora, books in chapters of a few pages, and on the given documents.
2. Padding of best-fit on lognormal lengths (median 450, mean 980).
3. Sequences of best-fit and of a literal best-fit-decreasing, on the given documents.
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
    """Return the numbers of tokens of texts, with BOS and EOS."""
    return np.array([len(ids) + 2 for ids in tokenizer.encode_batch(texts)], np.int64)


def literal_rows(counts: NDArray[np.int64], size: int) -> int:
    """Count the sequences of best-fit-decreasing, implemented literally."""
    pieces = [size] * int((counts // size).sum()) + [int(n) for n in counts % size if n]
    spaces: list[int] = []
    rows = 0
    for piece in sorted(pieces, reverse=True):
        index = bisect.bisect_left(spaces, piece)
        if index == len(spaces):
            rows += 1
            space = size
        else:
            space = spaces.pop(index)
        bisect.insort(spaces, space - piece)
    return rows


def compare(name: str, counts: NDArray[np.int64]) -> None:
    print(f"{name}: {len(counts):,} documents, {counts.sum():,} tokens")
    for size in (512, 2_048):
        for way, pack_into_sequences in WAYS.items():
            row_starts, pieces = pack_into_sequences(counts, size)
            rows = len(row_starts) - 1
            times = np.bincount(pieces["document"].astype(np.int64), minlength=len(counts))
            split, fits = times > 1, counts <= size
            padding = 1 - counts.sum() / (rows * size)
            print(
                f"  {size:,} {way}: {rows:,} sequences, {padding:.3%} padding, "
                f"{split.mean():.2%} of "
                f"the documents split, {(split & fits).mean():.2%} that would have fit"
            )


def lognormal(count: int, seed: int) -> NDArray[np.int64]:
    deviation = math.sqrt(2 * math.log(980 / 450))  # mean / median = exp(deviation² / 2)
    sampled = np.random.default_rng(seed).lognormal(math.log(450), deviation, count)
    return np.maximum(1, sampled.astype(np.int64))


def main(corpora: Path, tokenizer: Tokenizer, named: list[Path]) -> None:
    compare("articles and books", lengths(web_and_books(corpora), tokenizer))
    for path in named:
        texts = [json.loads(line)["text"] for line in unpacked(path).splitlines()]
        counts = lengths(texts, tokenizer)
        compare(path.name, counts)
        for size in (512, 2_048):
            count = len(best_fit(counts, size)[0]) - 1
            print(
                f"  {size:,}: best-fit {count:,} sequences, "
                f"literally {literal_rows(counts, size):,}"
            )
    compare("lognormal", lognormal(200_000, 1))
    many = lognormal(10_000_000, 2)
    for size in (512, 2_048):
        started, used = time.monotonic(), time.process_time()
        rows = len(best_fit(many, size)[0]) - 1
        wall, used = time.monotonic() - started, time.process_time() - used
        print(
            f"10 million lengths in {rows:,} sequences of {size:,}: {wall:.1f} s, {used:.1f} s of "
            "processor time",
            flush=True,
        )


if __name__ == "__main__":
    corpora, tokenizer, *named = map(Path, sys.argv[1:])
    main(corpora, Tokenizer.load(tokenizer), named)
