"""How many planted test items does decontamination find, and how often is it wrong?

    python tests/benchmarks/contamination.py BOOKS EVAL SCRATCH

BOOKS is a folder that clean made. Passages of 2,000 characters are cut from it; into every tenth an
item of the test sets is planted as it is written, into every other tenth one with another case,
without its punctuation, or with line breaks between its words. A planted item counts as found where
the report names it for that document. A false alarm is a passage in which nothing was planted and
which is reported nevertheless; those that hold the letters of the item after all are shown.
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
SHORTEST = 4
"""Words: what is shorter is only looked for as a sentence of its own."""


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
    return [text for texts in found for text in texts[:1] if len(text.split()) >= SHORTEST]


def changed(text: str, dice: random.Random) -> str:
    how = dice.randrange(4)
    if how == 0:
        return text.upper()
    if how == 1:
        return text.title()
    if how == 2:
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
    whole = {letters(test) for test in tests}
    for key, texts in alarms.items():
        real = all(letters(text) in whole for text in texts)
        print(f"  {key}: {'holds the whole item' if real else 'shares words'}: {texts[0]!r}")


def letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
