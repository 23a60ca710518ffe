"""Dedup on documents with planted copies: recall and speed, compared with datatrove.

    python tests/benchmarks/dedup_against_datatrove.py truth DOCUMENTS --peer /tmp/peer/bin/python
    python tests/benchmarks/dedup_against_datatrove.py growth DOCUMENTS

DOCUMENTS is the folder that make_documents.py wrote: docs-*.jsonl.zst, and truth.jsonl with the
copy of each passage. The peer's Python is a separate virtual environment: pip install
datatrove==0.10.1 spacy orjson zstandard tokenizers "xxhash<4". The results are printed, and
written to DOCUMENTS/measured-truth.json or -growth.json.

Both run on one core, reading and writing included. Seconds are processor time, so that other load
on the machine counts less.

`truth` computes similarity independently, on sets of words. A pair is caught if at most one of both
texts is kept. Only families of two different texts are compared with the S-curve
1 - (1 - s^8)^14: in larger ones, one of two can be removed because of a third text. On 13,000
documents of seed 0, one bin of pairs that share a band lies 2.3 standard errors above the curve.
That is chance: with eight other sets of permutations it is between -1.2 and 1.4 away, and 0.1 on
average.

`growth` repeats the documents ten times, each time with half of all words replaced throughout:
copies stay copies, and nothing else becomes one.
"""

import argparse
import io
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

BANDS, ROWS = 14, 8
MIN_SIMILARITY = 0.7
REPEATS = 10
Json = dict[str, Any]


def read(path: Path) -> Iterator[Json]:
    import zstandard

    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        yield from map(json.loads, io.TextIOWrapper(stream, encoding="utf-8"))


def read_all(folder: Path, pattern: str) -> list[Json]:
    return [record for path in sorted(folder.glob(pattern)) for record in read(path)]


def measured(command: Sequence[object]) -> tuple[float, float]:
    """Run a command on one core; return processor seconds, and peak memory in gigabytes."""
    core = min(os.sched_getaffinity(0))
    run = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    peak = 0.0
    while True:
        peak = max(peak, high_water(run.pid))
        ended, status, used = os.wait4(run.pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.05)
    if status:
        raise SystemExit(f"{' '.join(map(str, command))}: status {status}")
    return used.ru_utime + used.ru_stime, peak


def high_water(process: int) -> float:
    """Gigabytes; getrusage would count the memory of this process when it forked."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e9


def run_lmkit(documents: Sequence[Path], output: Path) -> tuple[float, float]:
    return measured(
        [sys.executable, "-m", "lmkit", "dedup", *documents, "--output", output, "--workers", 1]
    )


def peer_pipeline(documents: Path, output: Path) -> None:
    """In the peer's Python: its four steps, one after the other."""
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

    config = MinhashConfig(n_grams=5, num_buckets=BANDS, hashes_per_bucket=ROWS)
    reader = JsonlReader(str(documents), glob_pattern="docs-*.jsonl.zst")
    files = len(list(documents.glob("docs-*.jsonl.zst")))
    folders = {
        name: str(output / name) for name in ("signatures", "buckets", "remove", "documents")
    }
    steps: list[tuple[int, list[object]]] = [
        (files, [reader, MinhashDedupSignature(folders["signatures"], config=config)]),
        (BANDS, [MinhashDedupBuckets(folders["signatures"], folders["buckets"], config=config)]),
        (1, [MinhashDedupCluster(folders["buckets"], folders["remove"], config=config)]),
        (files, [reader, MinhashDedupFilter(folders["remove"]), JsonlWriter(folders["documents"])]),
    ]
    for number, (tasks, step) in enumerate(steps):
        logs = str(output / "logs" / str(number))
        LocalPipelineExecutor(step, tasks=tasks, workers=1, logging_dir=logs).run()


def peer_kept(output: Path) -> set[str]:
    import gzip

    found: set[str] = set()
    for path in (output / "documents").glob("*.jsonl.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found |= {json.loads(line)["id"] for line in lines}
    return found


class Truth:
    """The documents, the family of each, and how similar two of them are."""

    def __init__(self, folder: Path) -> None:
        self.texts = {r["id"]: r["text"] for r in read_all(folder, "docs-*.jsonl.zst")}
        lines = (folder / "truth.jsonl").read_text().splitlines()
        self.of = {record["id"]: record["of"] for record in map(json.loads, lines)}
        self.families: defaultdict[str, list[str]] = defaultdict(list)
        for name in self.texts:
            self.families[self.family(name)].append(name)
        self.shingles = cache(self._shingles)

    def family(self, name: str) -> str:
        return self.of.get(name, name)

    def similarity(self, one: str, other: str) -> float:
        a, b = self.shingles(one), self.shingles(other)
        return len(a & b) / len(a | b)

    def _shingles(self, name: str) -> frozenset[tuple[str, ...]]:
        words = re.findall(r"\w+", unicodedata.normalize("NFC", self.texts[name]).casefold())
        return frozenset(tuple(words[n : n + 5]) for n in range(len(words) - 4))

    def pairs(self) -> Iterator[tuple[str, str, float, bool]]:
        """Two different texts of a family, how similar they are, and whether it has only two."""
        for members in self.families.values():
            different = list({self.texts[name]: name for name in members}.values())
            for one, other in itertools.combinations(different, 2):
                yield one, other, self.similarity(one, other), len(different) == 2

    def surplus(self) -> int:
        """How many documents are byte-identical copies of another that is kept."""
        return sum(count - 1 for count in Counter(self.texts.values()).values())


def curve(similarity: float) -> float:
    return 1 - (1 - similarity**ROWS) ** BANDS


def by_similarity(
    pairs: Sequence[tuple[float, bool]], expected: Callable[[float], float]
) -> list[Json]:
    """For each twentieth of similarity: how many pairs are caught, and how many should be."""
    bins: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for similarity, caught in pairs:
        bins[int(similarity * 20)].append((similarity, caught))
    rows: list[Json] = []
    for number, found in sorted(bins.items()):
        chances = [expected(similarity) for similarity, _ in found]
        error = sqrt(sum(p * (1 - p) for p in chances)) / len(found)
        recall, theory = sum(c for _, c in found) / len(found), sum(chances) / len(found)
        errors_away = (recall - theory) / error if error else 0.0
        row = {"from": number / 20, "pairs": len(found), "recall": recall, "theory": theory}
        row |= {"standard_error": error, "errors_away": errors_away}
        rows.append({name: round(value, 4) for name, value in row.items()})
    return rows


def pair_results(truth: Truth, kept: set[str], *, verified: bool) -> Json:
    """Recall of similar pairs, and by similarity; without verification, there is no threshold."""
    left = {truth.texts[name] for name in kept}
    pairs = [
        (s, not {truth.texts[a], truth.texts[b]} <= left, alone) for a, b, s, alone in truth.pairs()
    ]
    similarity = [caught for s, caught, _ in pairs if s >= 0.85]
    expected = (lambda s: curve(s) if s >= MIN_SIMILARITY else 0.0) if verified else curve
    return {
        "kept": len(kept),
        "similar_pairs": len(similarity),
        "similar_pairs_caught": sum(similarity) / len(similarity),
        "families_without_any": sum(
            not kept.intersection(members) for members in truth.families.values()
        ),
        "by_similarity": by_similarity([(s, c) for s, c, alone in pairs if alone], expected),
    }


def lmkit_keys(truth: Truth) -> list[Json]:
    """Which pairs share a band, removed or not: many more than there are families of two."""
    import numpy as np

    from lmkit.deduplication.minhash import Bands
    from lmkit.deduplication.shingles import shingles
    from lmkit.text.digests import folded

    bands = Bands(BANDS, ROWS)
    names = [name for members in truth.families.values() if len(members) > 1 for name in members]
    keys = {
        name: column
        for start in range(0, len(names), 100)
        for name, column in zip(
            names[start : start + 100],
            bands.keys(*shingles([folded(truth.texts[n]) for n in names[start : start + 100]])).T,
            strict=True,
        )
    }
    pairs = [(s, bool(np.any(keys[a] == keys[b]))) for a, b, s, _ in truth.pairs()]
    return by_similarity(pairs, curve)


def lmkit_results(truth: Truth, output: Path) -> Json:
    kept = {record["id"] for record in read_all(output, "documents-*")}
    removed = read_all(output, "duplicates-*")
    exact = [record for record in removed if record["reason"] == "exact"]
    same = [r for r in exact if truth.texts[r["id"]] == truth.texts[r["kept"]["id"]]]
    similarity = [(truth.similarity(r["id"], r["kept"]["id"]), r["similarity"]) for r in removed]
    outside = [r for r in removed if truth.family(r["id"]) != truth.family(r["kept"]["id"])]
    return {
        "exact_removed": len(exact),
        "exact_recall": len(exact) / truth.surplus(),
        # If its copy is removed as a near-duplicate of a third, the third is its representative.
        "exact_precision": sum(truth.texts[r["id"]] in texts_but(truth, r) for r in exact)
        / len(exact),
        "exact_named_with_the_same_bytes": len(same),
        "removed": len(removed),
        "removed_outside_their_family": len(outside) / len(removed),
        "least_similarity_to_the_kept": min(true for true, _ in similarity),
        "largest_error_of_similarity": max(abs(true - reported) for true, reported in similarity),
        "kept_that_is_not_there": sum(r["kept"]["id"] not in kept for r in removed),
        **pair_results(truth, kept, verified=True),
        "sharing_a_band": lmkit_keys(truth),
    }


def texts_but(truth: Truth, record: Json) -> set[str]:
    """The texts of a document's family without the document itself."""
    family = truth.families[truth.family(record["id"])]
    return {truth.texts[name] for name in family if name != record["id"]}


def measure_truth(documents: Path, peer: str | None) -> Json:
    truth = Truth(documents)
    found: Json = {"documents": len(truth.texts)}
    found["bytes"] = sum(len(text.encode()) for text in truth.texts.values())
    with tempfile.TemporaryDirectory() as name:
        output = Path(name)
        seconds, memory = run_lmkit(sorted(documents.glob("docs-*")), output / "ours")
        found["lmkit"] = {"processor_seconds": seconds, "gigabytes": memory}
        if peer:
            command = [peer, __file__, "peer-pipeline", documents, "--output", output / "theirs"]
            peer_seconds, memory = measured(command)
            found["datatrove"] = {"processor_seconds": peer_seconds, "gigabytes": memory}
            found["times_as_fast"] = peer_seconds / seconds
            kept = peer_kept(output / "theirs")
            found["datatrove"] |= pair_results(truth, kept, verified=False)
        found["lmkit"] |= lmkit_results(truth, output / "ours")
    return found


def write_repeats(documents: Path, folder: Path) -> None:
    """Write the documents again and again, each time with half of all words replaced."""
    import zstandard

    records = read_all(documents, "docs-*.jsonl.zst")
    parts = [re.split(r"(\w+)", record["text"]) for record in records]
    words = sorted({word for part in parts for word in part[1::2]})
    for repeat in range(REPEATS):
        chance = random.Random(repeat)
        others = {word: chance.choice(words) for word in words if chance.random() < 0.5}
        with (
            (folder / f"docs-{repeat:05d}.jsonl.zst").open("wb") as file,
            zstandard.ZstdCompressor(level=3).stream_writer(file) as out,
        ):
            for record, part in zip(records, parts, strict=True):
                text = "".join([others.get(word, word) for word in part])
                new = {**record, "id": f"{repeat}-{record['id']}", "text": text}
                out.write(json.dumps(new, ensure_ascii=False).encode() + b"\n")


def measure_growth(documents: Path) -> Json:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_repeats(documents, folder)
        one = folder / "one.jsonl"
        one.write_text(json.dumps({"id": "0", "text": "Nothing to see here."}) + "\n")
        files = sorted(folder.glob("docs-*"))
        runs = {"start": [one], "once": files[:1], "all": files}
        used = {what: run_lmkit(paths, folder / what) for what, paths in runs.items()}
        kept = {what: len(read_all(folder / what, "documents-*")) for what in ("once", "all")}
    start, once, total = (used[what][0] for what in runs)
    return {
        "processor_seconds": {what: seconds for what, (seconds, _) in used.items()},
        "gigabytes": {what: memory for what, (_, memory) in used.items()},
        "kept": kept,
        "times_the_time_a_document": (total - start) / (REPEATS * (once - start)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["truth", "growth", "peer-pipeline"])
    parser.add_argument("documents", type=Path)
    parser.add_argument("--peer")
    parser.add_argument("--output", type=Path)
    typed = parser.parse_args()
    if typed.what == "peer-pipeline":
        peer_pipeline(typed.documents, typed.output)
        return
    found = (
        measure_truth(typed.documents, typed.peer)
        if typed.what == "truth"
        else measure_growth(typed.documents)
    )
    shown = json.dumps(found, indent=2)
    (typed.documents / f"measured-{typed.what}.json").write_text(shown + "\n")
    print(shown)


if __name__ == "__main__":
    main()
