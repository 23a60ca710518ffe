"""Documents in, the same documents out of the packed sequences, read with numpy alone."""

import hashlib
import json
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from lmkit.tokenizers.options import Algorithm
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.conftest import Lmkit
from tests.tokenizers.made import ALGORITHMS


def declaration(corpora: Path) -> list[str]:
    archive = zipfile.ZipFile(corpora / "language" / "udhr2.zip")
    names = sorted(name for name in archive.namelist() if name.endswith(".txt"))
    return [text for name in names if (text := archive.read(name).decode("utf-8"))]


def books(corpora: Path, limit: int | None = None) -> list[str]:
    paths = sorted((corpora / "books").glob("*.txt.zst"))[:limit]
    return [
        zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read().decode("utf-8")
        for path in paths
    ]


def from_rows(packed: Path) -> dict[int, list[int]]:
    """Return the tokens of documents by the hashes of their ids, joined from the pieces."""
    found: dict[int, list[int]] = {}
    for split in ("train", "validation"):
        folder = packed / split
        if not folder.exists():
            continue
        shards = sorted(folder.glob("tokens-*.npy"))
        records: list[tuple[np.ndarray[Any, Any], Any]] = []
        for shard in shards:
            tokens = np.load(shard, mmap_mode="r")
            stored = np.load(shard.with_name(shard.name.replace("tokens", "documents")))
            records += [(tokens, record) for record in stored]
        parts: defaultdict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        for piece in np.load(folder / "rows" / "pieces.npy"):
            tokens, record = records[int(piece["document"])]
            start = int(record["start"]) + int(piece["start"])
            own = tokens[start : start + int(piece["length"])].tolist()
            parts[int(record["key"])].append((int(piece["start"]), own))
        for key, pieces in parts.items():
            found[key] = [token for _, part in sorted(pieces) for token in part]
    return found


def key_of(number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"0:{number}".encode()).digest()[:8], "big")


@pytest.mark.parametrize(
    ("algorithm", "packing"), [*((name, "chunk") for name in ALGORITHMS), ("bpe", "best-fit")]
)
def test_every_document_is_restored_from_the_sequences(
    corpora: Path, here: Path, lmkit: Lmkit, algorithm: Algorithm, packing: str
) -> None:
    texts = [*declaration(corpora)[::12], *books(corpora, limit=1)]
    check(texts, lmkit, algorithm, packing)


def check(
    texts: list[str], lmkit: Lmkit, algorithm: Algorithm, packing: str, sample: str = "2000000"
) -> None:
    """Run train-tokenizer and pack on texts, and compare them with the packed sequences."""
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts))
    Path("texts.jsonl").write_text("\n".join(lines))
    training = ("--algorithm", algorithm, "--vocab-size", "8000", "--sample-bytes", sample)
    assert lmkit("train-tokenizer", "texts.jsonl", *training, "--output", "tokenizer")[0] == 0
    # Words that occur once in one of many languages are unknown, as intended.
    loose = ("--limits.unknown-fraction", "none") if algorithm in {"word", "wordpiece"} else ()
    rows = ("--packing", packing, "--sequence-length", "512", "--output", "packed", *loose)
    assert lmkit("pack", "texts.jsonl", "--tokenizer", "tokenizer", *rows)[0] == 0

    tokenizer, found = Tokenizer.load(Path("tokenizer")), from_rows(Path("packed"))
    assert len(found) == len(texts)
    for number, text in enumerate(texts):
        bos, *ids, eos = found[key_of(number)]
        assert (bos, eos) == (tokenizer.bos, tokenizer.eos)
        if algorithm in {"word", "wordpiece"}:
            text = words_joined_by_spaces(tokenizer, text, ids)
        assert tokenizer.decode(ids) == text


def words_joined_by_spaces(tokenizer: Tokenizer, text: str, ids: list[int]) -> str:
    """Return the documented form: words separated by one space, or the unknown token."""
    words = tokenizer.normal_form(text).split(" ")
    encoded = tokenizer.encode_batch(words)
    assert [number for own in encoded for number in own.tolist()] == ids
    assert tokenizer.unknown is not None
    unknown = tokenizer.text_of(tokenizer.unknown) or ""
    return " ".join(
        unknown if tokenizer.unknown in own else w for w, own in zip(words, encoded, strict=True)
    )
