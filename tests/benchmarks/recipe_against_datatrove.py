"""`--recipe fineweb` compared with datatrove's FineWeb example, on the pages of the corpora.

    python tests/benchmarks/recipe_against_datatrove.py --peer /tmp/peer/bin/python

The peer's Python is a separate virtual environment: pip install datatrove==0.10.1 spacy orjson
zstandard tldextract tokenizers "xxhash<4". Pages are extracted once, by lmkit, and both judge the
same texts: datatrove with the filters of its examples/fineweb.py, in their order, and its PII
formatter; lmkit with `clean --recipe fineweb`. Printed are counts, and every page with another
verdict, reason or text. lmkit replaces PII before it judges, datatrove after: so lmkit judges the
pages once more without that, and a difference that is gone then is marked so.

Language is compared apart: the peer's model isn't in a package. So both judge all pages, and then
lmkit once more with the recipe's language.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.filters_against_datatrove import PEER_REASONS

CORPORA = Path(os.environ.get("LMKIT_CORPORA", "../shared/corpora"))
PAGES = ("web/html", "web2/html")
Json = dict[str, Any]


def lmkit(*typed: object) -> None:
    command = [sys.executable, "-m", "lmkit", *map(str, typed), "--workers", "1"]
    subprocess.run(command, check=True, capture_output=True)


def records(folder: Path, kind: str = "documents") -> Iterator[Json]:
    import io

    import zstandard

    for path in sorted(folder.glob(f"{kind}-*.jsonl.zst")):
        with path.open("rb") as file:
            stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            yield from map(json.loads, io.TextIOWrapper(stream, encoding="utf-8"))


def extracted(folder: Path) -> Path:
    """Extract the pages as the recipe does; return a file of the texts."""
    pages = [CORPORA / name for name in PAGES]
    unjudged = ["--language", "none", "--pii.action", "none", "--filters.rules", "basic"]
    lmkit("clean", *pages, "--output", folder / "pages", "--recipe", "fineweb", *unjudged)
    file = folder / "texts.jsonl"
    with file.open("w") as out:
        for number, record in enumerate(records(folder / "pages")):
            out.write(json.dumps({"id": str(number), "text": record["text"]}) + "\n")
    return file


def peer_verdicts(documents: Path) -> None:
    """In the peer's Python: print a reason and a text for each document."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.pipeline.formatters import PIIFormatter

    filters = (
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    )
    pii = PIIFormatter()
    for line in documents.open():
        document = Document(text=json.loads(line)["text"], id="0")
        reason = None
        for judge in filters:
            found = judge.filter(document)
            good, why = found if isinstance(found, tuple) else (found, "dropped")
            if not good:
                reason = why
                break
        if reason is None:
            before, document.text = document.text, pii.format(document.text)
            print(json.dumps([None, before, document.text]))
        else:
            print(json.dumps([reason, None, None]))


def peer_dedup(documents: Path, output: Path) -> None:
    """In the peer's Python: print the ids that its MinHash keeps."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    reader = JsonlReader(str(documents.parent), glob_pattern=documents.name)
    names = ("signatures", "buckets", "remove", "documents")
    signatures, buckets, remove, kept = (str(output / name) for name in names)
    steps: list[tuple[int, list[object]]] = [
        (1, [reader, MinhashDedupSignature(signatures, config=config)]),
        (14, [MinhashDedupBuckets(signatures, buckets, config=config)]),
        (1, [MinhashDedupCluster(buckets, remove, config=config)]),
        (1, [reader, MinhashDedupFilter(remove), JsonlWriter(kept, compression=None)]),
    ]
    for number, (tasks, step) in enumerate(steps):
        logs = str(output / "logs" / str(number))
        LocalPipelineExecutor(step, tasks=tasks, workers=1, logging_dir=logs).run()


class Judged:
    """What lmkit made of the texts."""

    def __init__(self, texts: Path, output: Path, *flags: str) -> None:
        lmkit("clean", texts, "--output", output, "--recipe", "fineweb", *flags)
        self.kept = {record["id"]: record["text"] for record in records(output)}
        self.dropped = {record["id"]: record for record in records(output, "rejected")}

    def reason(self, name: str) -> str | None:
        """Return why a text is dropped, in the peer's words."""
        reason = self.dropped.get(name, {}).get("reason")
        return PEER_REASONS.get(reason, reason)


def verdicts(folder: Path, texts: Path, peer: str) -> list[str]:
    """Compare the filters; return the lines that both keep, with lmkit's text."""
    recipe = Judged(texts, folder / "all", "--language", "none")
    unchanged = Judged(texts, folder / "no-pii", "--language", "none", "--pii.action", "none")
    english = Judged(texts, folder / "english")
    command = [peer, __file__, "peer-verdicts", "--documents", str(texts)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    counts: Counter[str] = Counter(pages=len(lines))
    both: list[str] = []
    names = [json.loads(line)["id"] for line in texts.open()]
    for name, (reason, text, redacted) in zip(names, map(json.loads, lines), strict=True):
        for kind, judged in (("the recipe", recipe), ("the recipe without PII", unchanged)):
            counts[f"{kind}: kept by datatrove"] += reason is None
            counts[f"{kind}: kept by lmkit"] += name in judged.kept
            counts[f"{kind}: same verdict"] += (reason is None) == (name in judged.kept)
            counts[f"{kind}: same reason"] += reason == judged.reason(name)
            counts[f"{kind}: kept by both"] += reason is None and name in judged.kept
            counts[f"{kind}: with the same text"] += judged.kept.get(name) == text is not None
        if reason != recipe.reason(name):
            decided = recipe.dropped.get(name, {}).get("decided", "kept")
            pii = "; the same without PII" if reason == unchanged.reason(name) else ""
            print(f"{name}: datatrove {reason or 'kept'}, lmkit {decided}{pii}")
        elif reason is None:
            both.append(json.dumps({"id": name, "text": recipe.kept[name]}))
            if text != unchanged.kept[name]:
                print(f"{name}: another text:", *different(text, unchanged.kept[name]))
        counts["with PII that datatrove replaces"] += reason is None and redacted != text
    counts["kept by lmkit, and English by the recipe"] = len(english.kept)
    for name, count in counts.items():
        print(f"{name}: {count}")
    return both


def different(one: str, other: str) -> tuple[str, str]:
    """Return the two texts from where they differ."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), -20)
    return repr(one[max(0, at - 20) : at + 60]), repr(other[max(0, at - 20) : at + 60])


def near_duplicates(folder: Path, both: list[str], peer: str) -> None:
    """Compare what is kept of the pages that both keep."""
    file = folder / "both.jsonl"
    file.write_text("".join(f"{line}\n" for line in both))
    lmkit("dedup", file, "--output", folder / "dedup", "--recipe", "fineweb")
    mine = {record["id"] for record in records(folder / "dedup")}
    command = [peer, __file__, "peer-dedup", "--documents", str(file)]
    command += ["--output", str(folder / "peer")]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode:
        print("near-duplicates: not compared:", run.stderr.strip().splitlines()[-1])
        return
    written = (folder / "peer/documents").glob("*.jsonl")
    peers = {json.loads(line)["id"] for path in written for line in path.open()}
    print(f"near-duplicates: of {len(both)}, datatrove keeps {len(peers)}, lmkit {len(mine)}")
    print("kept by one of the two:", sorted(mine ^ peers, key=int) or "none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["compare", "peer-verdicts", "peer-dedup"])
    parser.add_argument("--peer", default=sys.executable)
    parser.add_argument("--documents", type=Path)
    parser.add_argument("--output", type=Path)
    typed = parser.parse_args()
    if typed.what == "peer-verdicts":
        peer_verdicts(typed.documents)
    elif typed.what == "peer-dedup":
        peer_dedup(typed.documents, typed.output)
    else:
        with tempfile.TemporaryDirectory() as name:
            texts = extracted(Path(name))
            near_duplicates(Path(name), verdicts(Path(name), texts, typed.peer), typed.peer)


if __name__ == "__main__":
    main()
