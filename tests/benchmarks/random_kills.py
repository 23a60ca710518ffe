"""Is what a stage wrote the same, if it was killed at a random moment and run again?

    python tests/benchmarks/random_kills.py SCRATCH [--kills 100] [--seed 0] [--stages clean,pack]

A small pipeline runs undisturbed, twice; what differs between the two, such as seconds, isn't
compared. Then a random stage begins again, its whole process group is killed with -9 at a random
moment, a second time in one of three cases, and the same command runs to its end. Every file must
be the same to the byte, but for those differences, and no other may be left. SCRATCH holds the
undisturbed pipeline: the same command uses it again.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WORKERS = ("--workers", "2")
SHARDS = (*WORKERS, "--shard-bytes", "20000")
TINY = (
    *("--model.preset", "tiny-decoder", "--device", "cpu", "--precision", "fp32"),
    *("--batch-tokens", "256", "--steps", "40", "--save-every", "5", "--validate-every", "10"),
    *("--model.dropout", "0.1", "--log-every", "1", "--schedule.warmup-steps", "5"),
)
STAGES: dict[str, tuple[str, ...]] = {
    "clean": ("clean", "raw", "--output", "clean", *SHARDS, "--filters.rules", "basic,gopher"),
    "dedup": ("dedup", "clean", "--output", "dedup", "--index", "index", *SHARDS),
    "repeats": (
        *("dedup", "clean", "--output", "repeats", "--repeats.passages", "20"),
        *("--minhash.action", "none", *SHARDS),
    ),
    "classifier": (
        *("train-classifier", "raw/0.jsonl", "raw/1.jsonl", "--output", "classifier", *WORKERS),
    ),
    "tokenizer": (
        *("train-tokenizer", "dedup", "--output", "tokenizer", "--vocab-size", "800", *WORKERS),
    ),
    "packed": (
        *("pack", "dedup", "--tokenizer", "tokenizer", "--output", "packed", *SHARDS),
        *("--sequence-length", "64", "--validation", "0.1"),
    ),
    "run": ("pretrain", "packed", "--output", "run", *TINY),
    "eval": ("eval", "run", "--data", "packed", "--output", "eval"),
    "export": ("export", "run", "--output", "export"),
    "report": ("report", "run", "eval", "--output", "report", "--workers", "1"),
}
"""The commands by the folder that they write."""
WITH = {"dedup": ("index",)}
"""Other folders that a stage writes."""
LOCK = ".lock"
SECONDS = "seconds.json"
AGAIN = 1 / 3
"""Fraction of the cases that are killed a second time."""


def main(scratch: Path, kills: int, seed: int, names: list[str]) -> int:
    """Kill stages, and return how many were not the same after it."""
    first, second, work = (scratch / each for each in ("undisturbed", "twice", "work"))
    seconds = json.loads(_undisturbed(first, work).read_text())
    _undisturbed(second, work)
    same = {stage: Comparison(first, second, _folders(stage)) for stage in STAGES}
    for stage, comparison in same.items():
        print(f"{stage}: {len(comparison.files)} files, {comparison.described()}", flush=True)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(first, work)
    rng, ended, wrong = random.Random(seed), Counter[str](), 0
    for number in range(kills):
        stage = rng.choice(names)
        for folder in _folders(stage):
            shutil.rmtree(work / folder, ignore_errors=True)
        moments: list[str] = []
        for _ in range(1 + (rng.random() < AGAIN)):
            moment = rng.uniform(0, 1.1 * seconds[stage])
            was_killed = _killed(work, STAGES[stage], moment)
            moments.append(f"{moment:.2f} s" if was_killed else "after its end")
            ended["killed" if was_killed else "ended before"] += 1
        code, output = _run(work, STAGES[stage])
        found = [f"exit code {code}: {output[-500:]}"] if code else same[stage].differences(work)
        wrong += bool(found)
        if found:
            shutil.copytree(work, scratch / f"wrong-{number}", dirs_exist_ok=True)
        shown = "; ".join(found) or "the same"
        print(f"{number}: {stage} killed at {', '.join(moments)}: {shown}", flush=True)
    print(f"{kills} cases, {dict(ended)}: {wrong} not the same")
    return wrong


def _folders(stage: str) -> tuple[str, ...]:
    return (stage, *WITH.get(stage, ()))


def _undisturbed(result: Path, folder: Path) -> Path:
    """Run all stages in a folder, and copy it; return the file with their seconds.

    All runs are in one folder, since some files hold its path. A copy that is there is kept.
    """
    if (result / SECONDS).exists():
        return result / SECONDS
    shutil.rmtree(result, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    _write_raw(folder / "raw")
    seconds: dict[str, float] = {}
    for stage, command in STAGES.items():
        start = time.monotonic()
        code, output = _run(folder, command)
        assert code == 0, output
        seconds[stage] = time.monotonic() - start
    (folder / SECONDS).write_text(json.dumps(seconds))
    shutil.copytree(folder, result)
    return result / SECONDS


def _write_raw(folder: Path) -> None:
    """Write documents, some of which are copies of others or have parts of them."""
    from pydoc_data.topics import topics

    folder.mkdir(parents=True)
    rng = random.Random(0)
    words = " ".join(topics[name] for name in sorted(topics)).split()
    texts = [" ".join(words[n : n + 150]) for n in range(0, len(words), 150)]
    texts += rng.choices(texts, k=40)
    texts += [f"{rng.choice(texts)} And more. {rng.choice(texts)}" for _ in range(40)]
    rng.shuffle(texts)
    for number in range(8):
        lines = (json.dumps({"text": text}) + "\n" for text in texts[number::8])
        (folder / f"{number}.jsonl").write_text("".join(lines))


def _started(folder: Path, command: tuple[str, ...]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "lmkit", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def _run(folder: Path, command: tuple[str, ...]) -> tuple[int, str]:
    with _started(folder, command) as process:
        output, _ = process.communicate()
    return process.returncode, output


def _killed(folder: Path, command: tuple[str, ...], seconds: float) -> bool:
    """Start a command and kill it and all its processes; return False if it ended before."""
    with _started(folder, command) as process:
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True
    return False


@dataclass
class Comparison:
    """What the folders of a stage hold, as far as two undisturbed runs have it in common."""

    one: Path
    other: Path
    folders: tuple[str, ...]
    files: dict[str, bytes] = field(init=False)
    differing: dict[str, set[str]] = field(init=False, default_factory=dict)
    """Files that differ: the names of the values that do; none where it is no JSON."""

    def __post_init__(self) -> None:
        self.files = self._contents(self.one)
        others = self._contents(self.other)
        assert self.files.keys() == others.keys()
        for name, data in self.files.items():
            if data != others[name]:
                self.differing[name] = _differing(data, others[name])

    def described(self) -> str:
        """Say what isn't compared."""
        parts = [
            f"{name}: {', '.join(sorted(keys)) or 'all'}" for name, keys in self.differing.items()
        ]
        return f"but for {'; '.join(parts)}" if parts else "all bytes"

    def differences(self, folder: Path) -> list[str]:
        """Return the names of files that are missing, too many, or not the same."""
        found = self._contents(folder)
        wrong = [f"{name} is missing" for name in self.files.keys() - found.keys()]
        wrong += [f"{name} was left" for name in found.keys() - self.files.keys()]
        for name in self.files.keys() & found.keys():
            one, other, ignored = self.files[name], found[name], self.differing.get(name)
            if one == other or (ignored is not None and not ignored):
                continue
            if ignored is None or not _differing(one, other) <= ignored:
                wrong.append(f"{name} differs")
        return wrong

    def _contents(self, top: Path) -> dict[str, bytes]:
        paths = (path for each in self.folders for path in sorted((top / each).rglob("*")))
        return {
            EVENTS.sub("", path.relative_to(top).as_posix()): path.read_bytes()
            for path in paths
            if path.is_file() and path.name != LOCK
        }


EVENTS = re.compile(r"(?<=tfevents)\..*")
"""TensorBoard's names hold the time and the process."""


def _differing(one: bytes, other: bytes) -> set[str]:
    """Return the names of the values in which two JSON files, or files of JSON lines, differ."""
    try:
        pairs = [[json.loads(line) for line in data.splitlines()] for data in (one, other)]
    except ValueError:
        try:
            pairs = [[json.loads(data)] for data in (one, other)]
        except ValueError:
            return set()
    flat = [dict(_flat(value)) for value in pairs]
    keys = flat[0].keys() | flat[1].keys()
    missing = object()
    return {
        re.sub(r"\[\d+\]", "", key)
        for key in keys
        if flat[0].get(key, missing) != flat[1].get(key, missing)
    }


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value with its place, such as `outputs[model.json].bytes`."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            name = inner.get("name") if isinstance(inner, dict) else None
            yield from _flat(inner, f"{place}[{name or number}]")
    else:
        yield place, value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Kill stages at random moments.")
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", default=",".join(STAGES))
    typed = parser.parse_args()
    sys.exit(bool(main(typed.scratch, typed.kills, typed.seed, typed.stages.split(","))))
