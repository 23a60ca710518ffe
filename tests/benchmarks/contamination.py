"""Recall and false positives of decontamination, on planted test items.

    python tests/benchmarks/contamination.py BOOKS EVAL SCRATCH

BOOKS is the output of clean. It is split into passages of 2,000 characters; into every tenth an
item of the test sets is planted verbatim, into every other tenth one in another case, without its
punctuation, or with line breaks between its words. A planted item counts as found if the report
names it for that document. A false positive is a passage without a planted item that is reported
nevertheless; those that contain all letters of the item are listed.
"""

import gzip
import io
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from lmkit.readers.test_sets import texts_of

CHARACTERS = 2_000
MIN_WORDS = 4
"""Minimum number of words: shorter items only match as a complete sentence."""


def records(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt") as file:
            yield from map(json.loads, file)
        return
    with path.open("rb") as raw:
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        yield from map(json.loads, io.TextIOWrapper(reader, "utf-8"))


def passages(books: Path) -> Iterator[str]:
    for path in sorted(books.glob("documents-*.jsonl.zst")):
        for record in records(path):
            text = record["text"]
            yield from (text[at : at + CHARACTERS] for at in range(0, len(text), CHARACTERS))


def items(folder: Path) -> list[str]:
    found = (texts_of(record) for path in sorted(folder.rglob("*.gz")) for record in records(path))
    return [text for texts in found for text in texts[:1] if len(text.split()) >= MIN_WORDS]


def changed(text: str, dice: random.Random) -> str:
    kind = dice.randrange(4)
    if kind == 0:
        return text.upper()
    if kind == 1:
        return text.title()
    if kind == 2:
        return re.sub(r"[^\w\s]", "", text)
    return re.sub(r"\s+", lambda _: dice.choice((" ", "\n", "\n\n", "  ")), text).lower()


def main(books: Path, folder: Path, scratch: Path) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    dice, tests = random.Random(0), items(folder)
    planted: dict[str, tuple[str, str]] = {}
    corpus = scratch / "passages.jsonl"
    with corpus.open("w") as file:
        for number, text in enumerate(passages(books)):
            key, kind = f"p{number:06}", {0: "verbatim", 5: "changed"}.get(number % 10, "clean")
            if kind != "clean":
                item = dice.choice(tests)
                planted[key] = kind, item
                item = item if kind == "verbatim" else changed(item, dice)
                at = text.find(" ", len(text) // 2)
                text = f"{text[:at]}\n{item}\n{text[at:]}"
            file.write(json.dumps({"id": key, "source": "books", "text": text}) + "\n")
    out = scratch / "out"
    command = [sys.executable, "-m", "lmkit", "dedup", corpus, "--output", out, "--overwrite"]
    command += [
        "--decontamination.against",
        folder,
        "--decontamination.action",
        "report",
        "--minhash.action",
        "none",
    ]
    subprocess.run(list(map(str, command)), check=True)
    reported: dict[str, list[str]] = {}
    for path in sorted(out.glob("contamination-*.jsonl.zst")):
        for record in records(path):
            reported.setdefault(record["id"], []).append(record["text"])
    total = Counter(kind for kind, _ in planted.values())
    hit = Counter(
        kind
        for key, (kind, item) in planted.items()
        if any(letters(part) in letters(item) for part in reported.get(key, []))
    )
    for kind in ("verbatim", "changed"):
        print(f"{kind}: {hit[kind]:,} of {total[kind]:,} found ({hit[kind] / total[kind]:.4%})")
    clean = number + 1 - len(planted)
    alarms = {key: texts for key, texts in reported.items() if key not in planted}
    print(f"passages without a planted item: {len(alarms)} of {clean:,} reported")
    test_letters = {letters(test) for test in tests}
    for key, texts in alarms.items():
        real = all(letters(text) in test_letters for text in texts)
        print(f"  {key}: {'contains the full item' if real else 'shares words'}: {texts[0]!r}")


def letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
