"""Does fastokens return the ids of `tokenizers`, for every --pre-tokenizer and --digits?

    python tests/benchmarks/encoder_ids.py CORPORA [MEGABYTES for each setting] [SETTING,...]

A tokenizer of 8,192 tokens is trained for each setting on a sample of the text (named as gpt4/none,
words/triples), and mixed text is encoded with both: books, Wikipedia markup in several scripts, raw
HTML, Python code, random code points of all planes, runs of blanks, digits and punctuation, random
bytes as Latin-1, JSON. Prints how many texts differ and what was left to `tokenizers`, and why.
"""

import gzip
import itertools
import json
import os
import random
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zstandard

from lmkit.tokenizers import build
from lmkit.tokenizers.encoder_choice import encode_with_tokenizers
from lmkit.tokenizers.fast_encoder import FastEncoder, Ids
from lmkit.tokenizers.fastokens_file import fastokens_file
from lmkit.tokenizers.recipe import PRE_TOKENIZERS, Recipe

DIGITS = ("none", "single", "triples", "runs")
BLANKS = [" ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\x85", "\u200b", "\ufeff", "a"]
MARKS = [*"0123456789.,-_/\\'\"!?:;()[]{}<>@#$%^&*+=|~`", "'s", "'ll", "'RE", "x", "É", "漢"]


def pieces(text: str, generator: random.Random) -> Iterator[str]:
    """Cut a text into documents of 100 to 20,000 characters."""
    start = 0
    while start < len(text):
        stop = start + int(10 ** generator.uniform(2, 4.3))
        yield text[start:stop]
        start = stop


def read(path: Path) -> str:
    """Return a file's text; bytes that are no UTF-8 become U+FFFD."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(data).read()
    elif path.suffix == ".bz2":
        import bz2

        data = bz2.decompress(data)
    return data.decode("utf-8", "replace")


def random_text(generator: random.Random) -> str:
    """Return a text that no writer would write."""
    kind = generator.randrange(5)
    count = int(10 ** generator.uniform(1, 3.5))
    if kind == 0:
        points = (generator.randrange(0x110000) for _ in range(count))
        return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)
    if kind == 1:
        return "".join(generator.choices(BLANKS, k=count))
    if kind == 2:
        return "".join(generator.choices(MARKS, k=count))
    if kind == 3:
        return generator.randbytes(count).decode("latin-1")
    return json.dumps({str(n): [generator.random(), "x" * (n % 9)] for n in range(count // 30 + 1)})


def mixed(corpora: Path, size: int) -> list[str]:
    """Return texts of about so many bytes in all, the kinds in turn."""
    generator = random.Random(7)
    books = sorted((corpora / "books").glob("*.zst"))
    pages = sorted((corpora / "web2" / "html").glob("*.gz"))
    wiki = sorted((corpora / "wiki").iterdir())
    code = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    for files in (books, pages, code):
        generator.shuffle(files)
    of_files = [
        (piece for path in itertools.cycle(files) for piece in pieces(read(path), generator))
        for files in (books, pages, wiki, code)
    ]
    of_chance = (random_text(generator) for _ in itertools.count())
    texts: list[str] = []
    total = 0
    for text in itertools.chain.from_iterable(zip(*of_files, of_chance, strict=False)):
        texts.append(text)
        total += len(text.encode("utf-8", "surrogatepass"))
        if total >= size:
            break
    return texts


def compare(texts: list[str], name: str, digits: str) -> None:
    """Print how many texts differ."""
    recipe = Recipe("bpe", 8_192, pre_tokenizer=name, digits=None if digits == "none" else digits)  # type: ignore[arg-type]
    tokenizer = build.train(texts[:1_500], recipe)
    tokenizer.encode_special_tokens = True

    def encode_other(others: list[str]) -> list[Ids]:
        return encode_with_tokenizers(tokenizer, others)

    encoder = FastEncoder(fastokens_file(json.loads(tokenizer.to_str())), encode_other)
    different = tokens = 0
    for start in range(0, len(texts), 200):
        batch = texts[start : start + 200]
        expected = encode_with_tokenizers(tokenizer, batch)
        for one, two in zip(encoder.encode_batch(batch), expected, strict=True):
            different += not np.array_equal(one, two)
            tokens += len(two)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    print(
        f"{name}/{digits}: {len(texts):,} texts, {size / 1e6:.0f} MB, {tokens:,} tokens; "
        f"{different} differ; left to tokenizers: {dict(encoder.fallbacks) or 'none'}",
        flush=True,
    )


def main() -> None:
    """Compare all settings, or those that are named."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    corpora, *rest = sys.argv[1:]
    texts = mixed(Path(corpora), int(float(rest[0]) * 1e6) if rest else 150_000_000)
    named = rest[1].split(",") if len(rest) > 1 else None
    for name, digits in itertools.product(PRE_TOKENIZERS["bpe"], DIGITS):
        if named is None or f"{name}/{digits}" in named:
            compare(texts, name, digits)


if __name__ == "__main__":
    main()
