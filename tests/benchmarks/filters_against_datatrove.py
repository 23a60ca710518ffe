"""The four filters of datatrove 0.10.1 compared with lmkit: agreement of verdicts, and speed.

    python tests/benchmarks/filters_against_datatrove.py verdicts --peer /tmp/peer/bin/python
    python tests/benchmarks/filters_against_datatrove.py speed --peer /tmp/peer/bin/python

The peer's Python is a separate virtual environment: pip install datatrove==0.10.1 spacy orjson
zstandard tldextract. Both get the same file of documents; for `speed`, both read it and write what
they keep, on one core, and the time of an almost empty file is subtracted. Seconds are processor
time, so that other load on the machine counts less.
"""

import argparse
import bz2
import gzip
import html
import io
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

CORPORA = Path(os.environ.get("LMKIT_CORPORA", "../shared/corpora"))
PEER_REASONS = {
    "gopher.min_words": "gopher_short_doc",
    "gopher.max_words": "gopher_long_doc",
    "gopher.min_mean_word_length": "gopher_below_avg_threshold",
    "gopher.max_mean_word_length": "gopher_above_avg_threshold",
    "gopher.hash_ratio": "gopher_too_many_hashes",
    "gopher.ellipsis_ratio": "gopher_too_many_ellipsis",
    "gopher.bullet_lines": "gopher_too_many_bullets",
    "gopher.ellipsis_lines": "gopher_too_many_end_ellipsis",
    "gopher.alphabetic_words": "gopher_below_alpha_threshold",
    "gopher.stop_words": "gopher_enough_stop_words",
    "gopher.duplicate_paragraphs": "dup_para_frac",
    "gopher.duplicate_paragraph_characters": "dup_para_char_frac",
    "gopher.duplicate_lines": "dup_line_frac",
    "gopher.duplicate_line_characters": "dup_line_char_frac",
    **{f"gopher.top_{n}gram_fraction": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"gopher.duplicate_{n}gram_fraction": f"duplicated_{n}_n_grams" for n in range(5, 11)},
    "c4.lorem_ipsum_lines": "lorem_ipsum",
    "c4.curly_bracket_lines": "curly_bracket",
    "c4.sentences": "too_few_sentences",
    "fineweb.ended_lines": "line_punct_ratio",
    "fineweb.short_lines": "short_line_ratio",
    "fineweb.repeated_line_characters": "char_dup_ratio",
    "fineweb.line_feeds_per_word": "list_ratio",
}
SETS = ("gopher-quality", "gopher-repetition", "c4-paper", "fineweb")


def decompressed(path: Path) -> str:
    import zstandard

    stream = zstandard.ZstdDecompressor().stream_reader(path.open("rb"))
    return stream.read().decode("utf-8", "replace")


def passages(count: int) -> Iterator[tuple[str, str]]:
    """Passages of books, 3 to 6 thousand characters, split at paragraphs."""
    chance = random.Random(1)
    books = sorted((CORPORA / "books").glob("*.txt.zst"))
    chance.shuffle(books)
    per_book = -(-count // len(books))
    for path in books:
        paragraphs = decompressed(path).replace("\r\n", "\n").split("\n\n")
        found: list[str] = []
        part: list[str] = []
        for paragraph in paragraphs[20:-20]:
            part.append(paragraph)
            if sum(map(len, part)) > 3000:
                found.append("\n\n".join(part))
                part = []
        for text in chance.sample(found, min(per_book, len(found))):
            yield "books", text.strip()


def pages() -> Iterator[tuple[str, str]]:
    """The articles' text, and pieces of the whole pages' text; pieces of wiki markup."""
    import xml.etree.ElementTree as ElementTree

    for entry in json.loads(decompressed(CORPORA / "web" / "ground-truth.json.zst")).values():
        yield "web articles", entry["articleBody"]
    hidden = re.compile(r"<(script|style|noscript)\b.*?</\1>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
    for path in sorted((CORPORA / "web" / "html").glob("*.html.gz")):
        page = hidden.sub(" ", gzip.decompress(path.read_bytes()).decode("utf-8", "replace"))
        text = html.unescape(re.sub(r"<[^<>]+>", "\n", page))
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        for start in range(0, len(lines), 50):
            yield "web pages", "\n".join(lines[start : start + 50])
    dump = io.BytesIO(bz2.decompress((CORPORA / "wiki/enwiki-shortened.xml.bz2").read_bytes()))
    for _, element in ElementTree.iterparse(dump):
        if element.tag.endswith("}text") and element.text:
            for start in range(0, len(element.text), 5000):
                yield "wiki markup", element.text[start : start + 5000]


def peer_filters() -> dict[str, object]:
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    filters = (
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        C4QualityFilter(),
        FineWebQualityFilter(),
    )
    return dict(zip(SETS, filters, strict=True))


def peer_verdicts(documents: Path) -> None:
    """In the peer's Python: print one line per document, with four reasons and C4's text."""
    from datatrove.data import Document

    filters = peer_filters()
    for line in documents.open():
        text = json.loads(line)["text"]
        reasons: dict[str, str | None] = {}
        left = None
        for name, judge in filters.items():
            document = Document(text=text, id="0")
            found = judge.filter(document)
            good, reason = found if isinstance(found, tuple) else (found, "dropped")
            reasons[name] = None if good else reason
            if name == "c4-paper" and good:
                left = document.text
        print(json.dumps([reasons, left]))


def peer_pipeline(documents: Path, output: Path) -> None:
    """In the peer's Python: its pipeline of the four, one after the other."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    reader = JsonlReader(str(documents.parent), glob_pattern=documents.name)
    steps = [reader, *peer_filters().values(), JsonlWriter(str(output), compression=None)]
    LocalPipelineExecutor(steps, tasks=1, logging_dir=str(output) + "-logs").run()


def verdicts(peer: str, how_many: int) -> None:
    from lmkit.filters.judge import Judge
    from lmkit.filters.options import FiltersConfig

    cases = [case for case in [*passages(how_many), *pages()] if case[1].strip()]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "documents.jsonl"
        file.write_text("".join(json.dumps({"text": text}) + "\n" for _, text in cases))
        command = [peer, __file__, "peer-verdicts", "--documents", str(file)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peer_results = [json.loads(line) for line in lines.splitlines()]
    assert len(peer_results) == len(cases)
    same: Counter[tuple[str, str]] = Counter()
    dropped: Counter[tuple[str, str, str]] = Counter()
    total = Counter(kind for kind, _ in cases)
    for name in SETS:
        judge = Judge(FiltersConfig.model_validate({"preset": "none", "rules": name}))
        for start in range(0, len(cases), 100):
            part = cases[start : start + 100]
            found = judge.judge([text for _, text in part]).verdicts
            for (kind, text), verdict, (reasons, left) in zip(
                part, found, peer_results[start : start + 100], strict=True
            ):
                reason = PEER_REASONS.get(verdict.reason or "", verdict.reason)
                dropped[name, kind, "datatrove"] += reasons[name] is not None
                dropped[name, kind, "lmkit"] += reason is not None
                agrees = reason == reasons[name]
                if agrees and name == "c4-paper" and reason is None and verdict.text != left:
                    print("another text from C4:", repr(verdict.text[:60]), repr(left[:60]))
                same[name, kind] += agrees
                if not agrees:
                    print(
                        f"{kind}: {name}: {reasons[name]}, lmkit {verdict.decided}: {text[:50]!r}"
                    )
    for name in SETS:
        for kind in total:
            fraction = same[name, kind] / total[kind]
            peer_dropped, lmkit_dropped = (
                dropped[name, kind, who] for who in ("datatrove", "lmkit")
            )
            print(
                f"{name:18} {kind:13} same {same[name, kind]:5} of {total[kind]:5} "
                f"({fraction:.2%}); dropped by datatrove {peer_dropped}, by lmkit {lmkit_dropped}"
            )


def processor_seconds() -> float:
    """Processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def speed(peer: str, megabytes: float) -> None:

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        books = sorted((CORPORA / "books").glob("*.txt.zst"))
        random.Random(2).shuffle(books)
        characters, number = 0, 0
        (folder / "warm").mkdir()
        (folder / "cold").mkdir()
        file, small = folder / "cold" / "documents.jsonl", folder / "warm" / "documents.jsonl"
        with file.open("w") as out:
            for path in books:
                text = decompressed(path).replace("\r\n", "\n")
                for start in range(0, len(text), 4500):
                    part = text[start : start + 4500]
                    out.write(json.dumps({"id": str(number), "text": part}) + "\n")
                    number, characters = number + 1, characters + len(part)
                if characters > megabytes * 1e6:
                    break
        small.write_text(json.dumps({"id": "0", "text": "Nothing to see."}) + "\n")
        seconds: dict[str, float] = {}
        values = {"rules": "gopher-repetition,gopher-quality,c4-paper,fineweb", "preset": "none"}
        for at, path in (("empty", small), ("full", file)):
            started = processor_seconds()
            command = [
                sys.executable,
                "-m",
                "lmkit",
                "clean",
                str(path),
                "--output",
                str(folder / f"lmkit-{at}"),
                "--workers",
                "1",
                "--filters.preset",
                "none",
                "--filters.rules",
                values["rules"],
            ]
            subprocess.run(command, check=True, capture_output=True)
            seconds[f"lmkit {at}"] = processor_seconds() - started
            started = processor_seconds()
            command = [peer, __file__, "peer-pipeline", "--documents", str(path)]
            command += ["--output", str(folder / f"datatrove-{at}")]
            subprocess.run(command, check=True, capture_output=True)
            seconds[f"datatrove {at}"] = processor_seconds() - started
        lmkit_seconds = seconds["lmkit full"] - seconds["lmkit empty"]
        peer_seconds = seconds["datatrove full"] - seconds["datatrove empty"]
        print({key: round(value, 2) for key, value in seconds.items()})
        print(
            f"{characters:,} characters, {number:,} documents: "
            f"lmkit {characters / lmkit_seconds / 1e6:.2f} "
            f"million characters per second, datatrove {characters / peer_seconds / 1e6:.3f}: "
            f"{peer_seconds / lmkit_seconds:.1f} times"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["verdicts", "speed", "peer-verdicts", "peer-pipeline"])
    parser.add_argument("--peer", default=sys.executable)
    parser.add_argument("--passages", type=int, default=4000)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--documents", type=Path)
    parser.add_argument("--output", type=Path)
    typed = parser.parse_args()
    if typed.what == "verdicts":
        verdicts(typed.peer, typed.passages)
    elif typed.what == "speed":
        speed(typed.peer, typed.megabytes)
    elif typed.what == "peer-verdicts":
        peer_verdicts(typed.documents)
    else:
        peer_pipeline(typed.documents, typed.output)


if __name__ == "__main__":
    main()
