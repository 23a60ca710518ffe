"""Compare a model's bits per byte with those of `zstd -19`, on the same held-out documents.

python examples/compare_with_zstd.py work/packed work/eval
"""

import json
import sys
from pathlib import Path

import numpy as np
import zstandard
from rich.console import Console
from rich.table import Table

from lmkit.tokenizers.tokenizer import Tokenizer


def held_out_text(packed: Path) -> bytes:
    """Decode and concatenate the held-out documents of a packed folder."""
    tokenizer = Tokenizer.load(packed / "tokenizer")
    texts: list[str] = []
    for path in sorted((packed / "validation").glob("documents-*.npy")):
        tokens = np.load(path.with_name(path.name.replace("documents", "tokens")), mmap_mode="r")
        for document in np.load(path):
            start, length = int(document["start"]), int(document["tokens"])
            texts.append(tokenizer.decode(tokens[start : start + length]))
    return "".join(texts).encode()


def main() -> None:
    """Print the table."""
    packed, scored = Path(sys.argv[1]), Path(sys.argv[2])
    text = held_out_text(packed)
    scores = json.loads((scored / "scores.json").read_text())
    if scores["bytes"] != len(text):
        sys.exit(f"{scored} is not the score of the held-out documents of {packed}")
    compressed = len(zstandard.ZstdCompressor(level=19).compress(text))
    table = Table(title=f"{len(text):,} bytes of held-out text")
    table.add_column("")
    table.add_column("bits per byte", justify="right")
    table.add_row("this model", f"{scores['bits_per_byte']:.3f}")
    table.add_row("zstd -19", f"{8 * compressed / len(text):.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
