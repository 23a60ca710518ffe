"""Are the outputs of two versions of lmkit the same, file by file?

    python tests/benchmarks/snapshot.py make SCRATCH OUT.json [--package CHECKOUT] [--names old]
    python tests/benchmarks/snapshot.py compare BEFORE.json AFTER.json

`make` runs about a hundred small commands (snapshot_steps.py) on small inputs (snapshot_inputs.py)
with the lmkit of a checkout, and writes down what came out: the SHA-256 of every file, the content
of every JSON file and of what was printed. It needs LMKIT_CORPORA. `compare` says what differs:

    same bytes      documents, rejected, quarantine, tokenizers, .npy, .bin and .safetensors files:
                    these must be the same to the byte, whatever was renamed
    same content    everything else: the same after the renames of snapshot_renames.json

The steps are written in the new names of options; `--names old` translates them back for a checkout
that knows only the old ones. snapshot_renames.json holds the names, old to new; `compare` renames
in both, so each may still have old names, or some of them:

    options         by command; `--near.*` renames a group, `--near.action mark` an option's value.
                    They hold for command lines, and for options in manifests and model.json
    files           names of files; `*` stands for the same text on both sides
    keys            keys in JSON, with dots for nesting, wherever they stand: `details.begin`
    columns         of .parquet, and keys of the lines of .jsonl.zst
    values          whole texts in JSON
    added, removed  keys that only the new, or only the old version has

Left out, since it differs from run to run of the same code (TIMES): seconds, rates, times of files,
the machine, memory; TensorBoard's files. Also hashes over names of options (HASHES), and the size
that a manifest states of a file whose content has such names. A SHA-256 in JSON that is that of a
file or a folder of the snapshot is written as its name. Make both snapshots on one machine with the
same packages, from which some of the text comes; torch's sums may differ elsewhere, too. SCRATCH
may be another folder.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import zstandard
from snapshot_inputs import token_file, write_inputs
from snapshot_steps import Step, steps

RENAMES = Path(__file__).with_name("snapshot_renames.json")
FIRST_CLASS = re.compile(
    r"(documents|rejected|quarantine)-[^/]*\.jsonl\.zst$|(^|/)tokenizer(_config)?\.json$"
    r"|(^|/)special_tokens_map\.json$|\.(npy|bin|safetensors)$"
)
TIMES = {"seconds", "task_seconds", "modified", "finished", "machine", "device_memory", "memory"}
TIMES |= {"bytes_per_second", "tokens_per_second", "tasks_per_second", "documents_per_second"}
HASHES = {"recipe", "crawl"}
SHA256 = re.compile(r"[0-9a-f]{64}")
SPLITS_WORK = {"clean", "dedup", "train-tokenizer", "pack", "pretrain", "export"}
COMPUTES = {"pretrain", "eval", "generate"}
TRAINING = "--steps 20 --save-every 10 --log-every 5 --batch-tokens 768 --precision fp32"
TRAINING += " --schedule.warmup-steps 5"
UPDATES = {"--optim.algorithm": "adamw", "--optim.lr": "1e-3"}
"""What each run has that doesn't say otherwise: the defaults have changed."""
SHOWN = 100
"""Characters of a value that a line of the comparison shows."""

Flat = dict[str, Any]


def make(scratch: Path, out: Path, python: str, package: Path, names: str) -> None:
    """Run all steps and write down what came of them."""
    if scratch.exists() and any(scratch.iterdir()):
        sys.exit(f"{scratch}: not empty")
    started = time.monotonic()
    write_inputs(scratch / "raw", Path(os.environ["LMKIT_CORPORA"]), python)
    token_file(scratch / "raw" / "tokens.bin")
    runner = Runner(scratch.resolve(), python, package.resolve(), names)
    printed = runner.run_all(steps())
    snapshot = {"steps": printed, "files": dict(files(scratch, printed))}
    out.write_text(json.dumps(snapshot, indent=1, sort_keys=True) + "\n", "utf-8")
    seconds = time.monotonic() - started
    print(f"{out}: {len(printed)} steps, {len(snapshot['files'])} files, {seconds:.0f} s")


class Runner:
    """Runs steps, two at a time, each when those that it reads from are done."""

    def __init__(self, scratch: Path, python: str, package: Path, names: str) -> None:
        self._scratch, self._python, self._names = scratch, python, names
        self._environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
        self._environment |= {"MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
        self._environment |= {"COLUMNS": "100", "PYTHONHASHSEED": "0", "TZ": "UTC"}

    def run_all(self, todo: list[Step]) -> dict[str, Any]:
        """Return for each step its command, exit code and what it printed."""
        done: dict[str, Future[dict[str, Any]]] = {}
        index: Future[dict[str, Any]] | None = None  # its crawls come in turn
        with ThreadPoolExecutor(2) as pool:
            for step in todo:
                needs = [done[name] for name in sorted(step.needs & set(done))]
                if "index" in step.needs:
                    needs += [index] if index else []
                done[step.name] = pool.submit(self._after, needs, step)
                index = done[step.name] if "index" in step.needs else index
        return {name: future.result() for name, future in done.items()}

    def _after(self, needs: list["Future[dict[str, Any]]"], step: Step) -> dict[str, Any]:
        for each in needs:  # they were submitted earlier, so they run or are done
            each.result()
        result = self._run(step)
        if (self._scratch / step.name).exists():
            look = self._run(Step(step.name, "inspect", (step.name,)))
            result["inspect"] = look["printed"]
        print(f"  {step.name}", flush=True)
        return result

    def _run(self, step: Step) -> dict[str, Any]:
        arguments = [*step.arguments, "--json"]
        if step.command in SPLITS_WORK:
            arguments += ["--output", step.name]
            arguments += [] if "--workers" in arguments else ["--workers", "1"]
        if step.command in COMPUTES:
            arguments += ["--device", "cpu"]
        if step.command == "pretrain":
            arguments += TRAINING.split()
            for name, value in UPDATES.items():
                arguments += [] if name in arguments else [name, value]
        if step.command == "eval":
            arguments += ["--output", step.name]
        if self._names == "old":
            arguments = in_old_names(step.command, arguments, load_renames()["options"])
        command = [self._python, "-m", "lmkit", step.command, *arguments]
        found = subprocess.run(
            command, cwd=self._scratch, env=self._environment, capture_output=True, text=True
        )
        if found.returncode:
            print(f"{' '.join(command)}: exit {found.returncode}\n{found.stderr}", file=sys.stderr)
            raise RuntimeError(step.name)
        return {"command": step.command, "printed": found.stdout}


def in_old_names(command: str, arguments: list[str], options: dict[str, Any]) -> list[str]:
    """Translate flags back.

    >>> in_old_names("dedup", ["--x.action", "b"], {"dedup": {"--y.action a": "--x.action b"}})
    ['--y.action', 'a']
    """
    old = {new: old for old, new in options.get(command, {}).items()}
    found: list[str] = []
    rest = list(arguments)
    while rest:
        flag, value = rest[0], rest[1] if len(rest) > 1 else ""
        no, plain = ("--no-", "--" + flag[5:]) if flag.startswith("--no-") else ("--", flag)
        group = plain.partition(".")[0] + ".*"
        if f"{flag} {value}" in old:
            found += old[f"{flag} {value}"].split()
            rest = rest[2:]
            continue
        if plain in old:
            plain = old[plain]
        elif group in old:
            plain = old[group][:-1] + plain.partition(".")[2]
        found.append(no + plain[2:] if plain.startswith("--") else flag)
        rest = rest[1:]
    return found


def files(scratch: Path, printed: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Describe every file, and turn what was printed into something to compare, in place."""
    paths = {
        path.relative_to(scratch).as_posix(): path
        for path in sorted(scratch.rglob("*"))
        if path.is_file() and "tensorboard" not in path.parts
    }
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
    named = {digest: f"SHA-256 of {name}" for name, digest in reversed(hashes.items())}
    for name, step in printed.items():
        if "inspect" in step:
            made = json.loads(step["inspect"]).get("made", {})
            if "fingerprint" in made:
                named[made["fingerprint"]] = f"fingerprint of {name}"
    named |= fingerprints(hashes)
    for step in printed.values():
        for key in ("printed", "inspect"):
            if key in step:
                step[key] = read_text(step[key], named)
    for name, path in paths.items():
        yield name, {"sha256": hashes[name], **content(path, named)}


def fingerprints(hashes: dict[str, str]) -> dict[str, str]:
    """Name the fingerprints of checkpoints and of the parts of an index, which no command prints.

    They are hashes over names and hashes of files, as that of a manifest.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for path, digest in hashes.items():
        folder, _, name = path.rpartition("/")
        if folder.startswith("index/") and name != "index.json":
            groups.setdefault(folder, []).append((name, digest))
        if "/checkpoints/" in path and name == "model.safetensors":
            model = ("model.json", hashes[f"{path.split('/')[0]}/model.json"])
            groups[folder] = [(name, digest), model]
    texts = {
        folder: "".join(f"{name}\0{digest}\n" for name, digest in sorted(files))
        for folder, files in groups.items()
    }
    return {
        hashlib.sha256(text.encode()).hexdigest(): f"fingerprint of {folder}"
        for folder, text in texts.items()
    }


def content(path: Path, named: dict[str, str]) -> dict[str, Any]:
    """Return what a file holds, as far as it can be compared piece by piece."""
    if "raw" in path.parts:
        return {}
    if path.name.endswith(".jsonl.zst"):
        data = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
        rows = [json.loads(line) for line in data.splitlines()]
        keys = dict.fromkeys(key for row in rows for key in row)
        columns = {key: hash_of([row.get(key) for row in rows]) for key in keys}
        return {"unpacked": hashlib.sha256(data).hexdigest(), "columns": columns}
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return {"columns": {n: hash_of(table[n].to_pylist()) for n in table.column_names}}
    if path.suffix in {".json", ".jsonl", ".md", ".txt"} and not FIRST_CLASS.search(path.name):
        return {"content": read_text(path.read_text("utf-8"), named)}
    return {}


def hash_of(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values, default=repr).encode()).hexdigest()


def read_text(text: str, named: dict[str, str]) -> Flat:
    """Return what a JSON text, JSON lines or any other text holds, by places in it."""
    try:
        value = json.loads(text)
    except ValueError:
        lines = text.splitlines()
        try:
            value = [json.loads(line) for line in lines]
        except ValueError:
            value = lines
    return dict(flat(value, named))


def flat(value: Any, named: dict[str, str], place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every number and text with its place: `outputs[model.json].bytes`.

    >>> dict(flat({"a": [{"name": "b", "c": 1}], "seconds": 2}, {}))
    {'a[b].name': 'b', 'a[b].c': 1}
    """
    if isinstance(value, dict) and value:
        # The size of a file that is compared by its content follows from the names in it.
        left_out = TIMES | HASHES
        if isinstance(value.get("name"), str) and not FIRST_CLASS.search(value["name"]):
            left_out = left_out | {"bytes"}
        for key, each in value.items():
            if key not in left_out:
                yield from flat(each, named, f"{place}.{key}" if place else key)
    elif isinstance(value, list) and value:
        names = [each.get("name") if isinstance(each, dict) else None for each in value]
        unique = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
        for number, each in enumerate(value):
            yield from flat(each, named, f"{place}[{names[number] if unique else number}]")
    elif isinstance(value, str) and SHA256.fullmatch(value):
        yield place, named.get(value, value)
    else:
        yield place, value


class Renames:
    """Maps old names of files, places and values to the new ones, and leaves new ones as they are.

    Both snapshots go through it, so that two with old names can be compared, or one with some.
    """

    def __init__(self, renames: dict[str, Any]) -> None:
        self._files = [
            (
                re.compile(
                    r"(?<![\w-])" + re.escape(old).replace(r"\*", r"([^/\s]*)") + r"(?![\w-])"
                ),
                new.replace("*", r"\1"),
            )
            for old, new in renames["files"].items()
        ]
        self._keys = [_as_pattern(*pair) for pair in renames["keys"].items()]
        self._options: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        self._option_values: dict[tuple[str, str], str] = {}
        for command, options in renames["options"].items():
            for old, new in options.items():
                old, _, value = (name(part) for part in old.partition(" "))
                new, _, new_value = (name(part) for part in new.partition(" "))
                if value:
                    self._option_values[new, value.replace("_", "-")] = new_value.replace("_", "-")
                else:
                    self._options.setdefault(command, []).append(_as_pattern(old, new, True))
        self._model_options = [
            _as_pattern(name(old), name(new))
            for old, new in renames["options"].get("pretrain", {}).items()
            if "." in old
        ]
        self._values, self.columns = renames["values"], renames["columns"]
        self.added, self.removed = (
            [_as_pattern(key, "")[0] for key in renames[kind]] for kind in ("added", "removed")
        )

    def file(self, text: str) -> str:
        for pattern, new in self._files:
            text = pattern.sub(new, text)
        return text

    def flat(self, values: Flat, command: str) -> Flat:
        """Rename the places and values of what a command's folder holds."""
        return dict(self._pair(place, value, command) for place, value in values.items())

    def _pair(self, place: str, value: Any, command: str) -> tuple[str, Any]:
        own = self._options.get(command, [])
        for pattern, new in own:
            place, changed = pattern.subn(new, place)
            if changed:
                break
        else:  # a model's options stand in what other commands write, too
            for pattern, new in self._model_options:
                place = pattern.sub(new, place)
        for pattern, new in self._keys:
            place = pattern.sub(new, place)
        place = self.file(place)
        if isinstance(value, str):
            for (option, old), new in self._option_values.items():
                if value == old and place.endswith(option):
                    value = new
            value = self._values.get(value, self.file(value))
        return place, value


def name(flag: str) -> str:
    """Return the key of an option: `--near.min-similarity` is `near.min_similarity`."""
    return flag.removeprefix("--").replace("-", "_")


def _as_pattern(old: str, new: str, option: bool = False) -> tuple[re.Pattern[str], str]:
    """Return what finds a key in a place, and what to put there."""
    group = old.endswith(".*")
    old, new = old.removesuffix(".*"), new.removesuffix(".*")
    before, after = r"(^|\.|\])", r"(?=\.)" if group else r"(?=$|\.|\[)"
    if option and "." not in old:  # `keep` and `end` are the names of other things, too
        before = r"(config\.|changed_options\.|settings\.)"
    return re.compile(before + re.escape(old) + after), rf"\g<1>{new}"


def load_renames() -> dict[str, Any]:
    return json.loads(RENAMES.read_text("utf-8"))


def compare(before_path: Path, after_path: Path) -> int:
    """Print what differs; return how much."""
    before, after = (json.loads(path.read_text("utf-8")) for path in (before_path, after_path))
    renames = Renames(load_renames())
    counts: Counter[tuple[str, bool]] = Counter()

    def note(kind: str, what: str, difference: str | None) -> None:
        counts[kind, difference is None] += 1
        if difference is not None:
            print(f"{kind}: {what}: {difference}")

    command_of = {name: step["command"] for name, step in before["steps"].items()}
    old, new = ({renames.file(p): f for p, f in each["files"].items()} for each in (before, after))
    for path in sorted({*old, *new}):
        kind = "input" if path.startswith("raw/") else "same content"
        kind = "same bytes" if kind != "input" and FIRST_CLASS.search(path) else kind
        if path not in old or path not in new:
            note(kind, path, f"only in {'after' if path not in old else 'before'}")
            continue
        command = command_of.get(path.split("/")[0], "dedup")
        note(kind, path, difference_of(old[path], new[path], kind, renames, command))
    for step in sorted({*before["steps"], *after["steps"]}):
        one, other = before["steps"].get(step, {}), after["steps"].get(step, {})
        for key in sorted({"printed", "inspect"} & {*one, *other}):
            pair = (
                renames.flat(each.get(key, {}), command_of.get(step, "")) for each in (one, other)
            )
            note(key, step, first_difference(*pair, renames))
    for kind in ("input", "same bytes", "same content", "printed", "inspect"):
        print(f"{kind}: {counts[kind, True]} same, {counts[kind, False]} different")
    return sum(count for (_, same), count in counts.items() if not same)


def difference_of(
    one: dict[str, Any], other: dict[str, Any], kind: str, renames: Renames, command: str
) -> str | None:
    """Say how two files differ."""
    if one["sha256"] == other["sha256"]:
        return None
    if "content" in one and "content" in other and kind == "same content":
        contents = (renames.flat(each["content"], command) for each in (one, other))
        return first_difference(*contents, renames)
    columns, others = (
        {renames.columns.get(key, key): value for key, value in each.get("columns", {}).items()}
        for each in (one, other)
    )
    found = first_difference(columns, others, renames)
    if kind == "same content" and columns:
        return found
    unpacked = "unpacked" in one and one["unpacked"] == other.get("unpacked")
    return "other compression of the same lines" if unpacked else found or "other bytes"


def first_difference(one: Flat, other: Flat, renames: Renames) -> str | None:
    """Say where the first difference is."""
    for place in sorted({*one, *other}):
        if place not in one and any(pattern.search(place) for pattern in renames.added):
            continue
        if place not in other and any(pattern.search(place) for pattern in renames.removed):
            continue
        texts = [json.dumps(v[place]) if place in v else "nothing" for v in (one, other)]
        if texts[0] != texts[1]:
            return f"{place}: {texts[0][:SHOWN]} -> {texts[1][:SHOWN]}"
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("scratch", type=Path)
    making.add_argument("out", type=Path)
    making.add_argument("--python", default=sys.executable)
    making.add_argument("--package", type=Path, default=Path(__file__).parents[2])
    making.add_argument("--names", choices=("old", "new"), default="new")
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    asked = parser.parse_args()
    if asked.command == "make":
        make(asked.scratch, asked.out, asked.python, asked.package, asked.names)
    else:
        sys.exit(1 if compare(asked.before, asked.after) else 0)
