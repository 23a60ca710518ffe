"""Time and memory of planning to read a million files.

    python tests/benchmarks/planning.py SCRATCH [COUNT]

A folder of tiny files, a thousand per folder, and a list of the same paths; what `lmkit clean` does
before its first task: it finds the files, writes its plan, and divides the work into tasks.
"""

import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lmkit.artifacts.inputs import find_documents, make_tasks
from lmkit.artifacts.output_folder import open_output
from lmkit.commands.clean.options import CleanConfig
from lmkit.storage.registry import NAMES


def make(scratch: Path, count: int) -> None:
    with (scratch / "list").open("w") as paths:
        for number in range(count):
            path = scratch / "files" / f"{number // 1000:04d}" / f"page-{number:07d}.txt"
            if number % 1000 == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"This is page {number}.\n")
            paths.write(f"{path}\n")


def plan(scratch: Path, kind: str) -> None:
    output = scratch / "out"
    shutil.rmtree(output, ignore_errors=True)
    named = (
        {"inputs": [scratch / "files"]} if kind == "files" else {"inputs_from": scratch / "list"}
    )
    config = CleanConfig.model_validate({"output": output, **named})
    started = time.monotonic()
    found = find_documents(config.inputs, config.inputs_from, formats=NAMES)
    with open_output(config, found):
        tasks = make_tasks(found.slices)
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{kind}: {len(found.slices):,} files, {len(tasks)} tasks: {seconds:.1f} s "
        f"({used.ru_utime + used.ru_stime:.1f} s of processor time), {used.ru_maxrss / 1e6:.2f} GB",
        flush=True,
    )


if __name__ == "__main__":
    scratch, *rest = sys.argv[1:]
    if rest[:1] == ["plan"]:
        plan(Path(scratch), rest[1])
        sys.exit()
    Path(scratch).mkdir(parents=True, exist_ok=True)
    make(Path(scratch), int(rest[0]) if rest else 1_000_000)
    for kind in ("files", "list"):
        subprocess.run([sys.executable, __file__, scratch, "plan", kind], check=True)
