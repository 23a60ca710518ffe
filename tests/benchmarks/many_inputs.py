"""Time and memory of planning many inputs, of resuming, and of what reads the folder afterwards.

    python tests/benchmarks/many_inputs.py FOLDER [INPUTS] [--files listed|folders|made-up]

    folders   files on a disk, in folders of 10,000 (an inode each; they are deleted afterwards)
    listed    the same files, named one by one by --inputs-from
    made-up   folders that a patched `os.scandir` lists: what Python does, without the disk

Each step runs in a process of its own, on one core:

    plan      `lmkit clean` until its first task: finds the files, divides them, writes the plan
    finish    receipts as its tasks write them (of texts that aren't there), and the manifest
    resume    the plan is compared with the files again, as before the first task of a resumed run
    check     `lmkit clean` of the finished folder, which is up to date
    next      what `lmkit dedup` does before its first task
    inspect   the inputs of the folder, summed up

Printed, and written to FOLDER/many-inputs.json: seconds, processor seconds, the largest memory of
each, and the sizes of the plan and of the list of the inputs.
"""

import argparse
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lmkit.artifacts import discovery
from lmkit.artifacts.inputs import Slice, find_documents, make_tasks
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.opened_folder import open_folder
from lmkit.artifacts.output_folder import OutputFolder, open_output
from lmkit.artifacts.tasks import ReadRange, TaskWriter
from lmkit.commands.clean.clean_inputs import find_inputs
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.inspect.folder_sections import input_rows

IN_A_FOLDER = 10_000
STEPS = ("plan", "finish", "resume", "check", "next", "inspect")
SIZE = 2_000
CHANGED = 1_700_000_000_000_000_000


class Entry:
    """What a patched `os.scandir` lists."""

    def __init__(self, name: str, is_folder: bool) -> None:
        self.name = name
        self._is_folder = is_folder

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Return whether it is a folder."""
        return self._is_folder

    def stat(self) -> Any:
        """Return the state of a file."""
        return SimpleNamespace(st_size=SIZE, st_mtime_ns=CHANGED, st_mode=stat.S_IFREG)


def list_made_up_files(count: int) -> None:
    """Let folders seem to hold so many files."""

    @contextmanager
    def scandir(path: str) -> Generator[list[Entry]]:
        name = Path(path).name
        if not name.isdigit():
            folders = range(-(-count // IN_A_FOLDER))
            yield [Entry(f"{number:06d}", True) for number in folders]
            return
        first = int(name) * IN_A_FOLDER
        yield [Entry(f"{n:012d}.txt", False) for n in range(first, min(first + IN_A_FOLDER, count))]

    discovery.os = SimpleNamespace(**vars(os) | {"scandir": scandir})  # type: ignore[assignment]


def make_files(raw: Path, count: int) -> None:
    """Create empty files."""
    for first in range(0, count, IN_A_FOLDER):
        folder = raw / f"{first // IN_A_FOLDER:06d}"
        folder.mkdir(parents=True)
        for number in range(first, min(first + IN_A_FOLDER, count)):
            (folder / f"{number:012d}.txt").touch()


def config(folder: Path, files: str) -> CleanConfig:
    """Return the options of `lmkit clean`."""
    named = {"inputs_from": folder / "list"} if files == "listed" else {"inputs": (folder / "raw",)}
    values = {"output": folder / "out", "shard_bytes": 64_000_000, **named}
    return CleanConfig.model_validate(values)


def pretend(slices: Sequence[Slice], writer: TaskWriter) -> None:
    """Write the receipt of a task, as if it had read its files."""
    for part in slices:
        digest = f"{part.input:064x}"
        writer.read.append(ReadRange(input=part.input, start=0, stop=part.size, sha256=digest))
    writer.counts = Counts(documents_in=len(slices), documents_out=len(slices))
    with writer.file(f"documents-{writer.number:05d}.jsonl.zst") as path:
        path.write_bytes(b"")


def do(step: str, folder: Path, files: str) -> dict[str, Any]:
    """Do a step; return what else is known of it."""
    clean = config(folder, files)
    if step in {"plan", "finish", "resume", "check"}:
        inputs = find_inputs(clean)
        with open_output(clean, inputs) as output:
            if output.finished:
                return {"outputs": len(output.finished.outputs)}
            tasks = make_tasks(inputs.slices, clean.shard_bytes)
            if step == "finish":
                finish(output, tasks)
            sizes = [path.stat().st_size for path in (folder / "out/.partial").glob("inputs-*")]
            return {"tasks": len(tasks), "list_bytes": sum(sizes)}
    if step == "next":
        dedup = DedupConfig(inputs=(folder / "out",), output=folder / "once")
        found = find_documents(dedup.inputs, formats=())
        with open_output(dedup, found):
            return {"tasks": len(make_tasks(found.slices, "auto"))}
    return {"inputs": input_rows(open_folder(folder / "out").plan.inputs)}


def finish(output: OutputFolder, tasks: Sequence[tuple[Slice, ...]]) -> None:
    """Write all receipts and the manifest."""
    receipts = output.run("documents", pretend, tasks, workers=1, label="pretending")
    output.finish(Counts.total(receipt.counts for receipt in receipts))


def measured(step: str, folder: Path, files: str, count: int) -> None:
    """Do a step in this process, and print what it took."""
    if files == "made-up":
        list_made_up_files(count)
    began, before = time.monotonic(), time.process_time()
    found = do(step, folder, files)
    facts = {
        "step": step,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - before, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }
    print(json.dumps(facts | found), flush=True)


def main() -> None:
    """Measure all steps, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("inputs", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--files", choices=("listed", "folders", "made-up"), default="made-up")
    parser.add_argument("--step", choices=STEPS)
    options = parser.parse_args()
    if options.step:
        measured(options.step, options.folder, options.files, options.inputs)
        return
    folder = options.folder
    for name in ("out", "once", "raw"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "raw").mkdir(parents=True)
    if options.files != "made-up":
        make_files(folder / "raw", options.inputs)
        paths = (
            f"{folder}/raw/{number // IN_A_FOLDER:06d}/{number:012d}.txt\n"
            for number in range(options.inputs)
        )
        with (folder / "list").open("w") as file:
            file.writelines(paths)
    results: list[dict[str, Any]] = []
    typed = [str(folder), str(options.inputs), "--files", options.files]
    for step in ("plan", "resume", "finish", "check", "next", "inspect"):
        run = [sys.executable, __file__, *typed, "--step", step]
        done = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(results[-1]), flush=True)
    manifest = [path.stat().st_size for path in (folder / "out").glob("*.json")]
    record = {"inputs": options.inputs, "files": options.files, "manifest_bytes": manifest}
    (folder / "many-inputs.json").write_text(json.dumps(record | {"steps": results}, indent=2))
    shutil.rmtree(folder / "raw")


if __name__ == "__main__":
    main()
