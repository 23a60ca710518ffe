"""Whenever a signal comes while a pool of workers runs, is the command interrupted?

    python tests/benchmarks/signal_moments.py SCRATCH [MOMENTS] [FIRST]

`clean` with two workers runs once, and the lines are counted that the main thread executes in the
pool, in Python's own `concurrent.futures`, `multiprocessing` and `threading`, and in what starts
and ends a command. Then it is run again and again, and SIGTERM comes at one of these lines; the
moments are spread evenly. Prints each that doesn't end with 130 and one line, within 30 seconds,
and each after which the same command doesn't finish what is missing.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

TRACED = """
import os, signal, sys, threading
PARTS = ("concurrent/futures", "multiprocessing/", "threading.py", "contextlib.py", "lmkit/cli.py",
         "lmkit/execution", "lmkit/artifacts/tasks.py", "lmkit/artifacts/output_folder.py")
lines = 0

def trace(frame, event, _):
    global lines
    name = frame.f_code.co_filename
    if not any(part in name for part in PARTS):
        return None
    if event == "line":
        lines += 1
        if lines == moment:
            sys.settrace(None)
            print(name, frame.f_lineno, file=open("moment", "w"), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
    return trace

if __name__ == "__main__":
    moment = int(sys.argv.pop(1))
    from lmkit import cli
    from lmkit.execution import interrupt_signals
    real = interrupt_signals.raising
    def raising():
        sys.settrace(trace)
        return real()
    interrupt_signals.raising = raising
    try:
        code = cli.main()
    finally:
        sys.settrace(None)
    open("lines", "w").write(str(lines))
    sys.exit(code)
"""
COMMAND = ("clean", "raw", "--output", "out", "--workers", "2", "--shard-bytes", "1")


def main(scratch: Path, moments: int = 150, first: int = 0) -> int:
    """Return how many moments went wrong."""
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "raw").mkdir(exist_ok=True)
    for number in range(3):
        lines = (json.dumps({"text": f"line {number} {n} {'words ' * 20}"}) for n in range(50))
        (scratch / f"raw/{number}.jsonl").write_text("\n".join(lines))
    (scratch / "traced.py").write_text(TRACED)
    assert _run(scratch, 0).returncode == 0
    count = int((scratch / "lines").read_text())
    print(f"{count} lines", flush=True)
    wrong, codes = 0, Counter[int]()
    for number in range(first, moments):
        moment = 1 + number * (count - 1) // moments
        (scratch / "moment").unlink(missing_ok=True)
        ended = _run(scratch, moment)
        where = (scratch / "moment").read_text().strip() if (scratch / "moment").exists() else "-"
        codes[ended.returncode] += 1
        is_whole = (scratch / "out/manifest.json").exists()
        # A signal that comes once all is written changes nothing.
        is_right = ended.returncode == 130 and ended.stderr.count("Error: interrupted") == 1
        if not is_right or "Traceback" in ended.stderr:
            wrong += 1
            print(f"{moment} {where}: {ended.returncode}, {is_whole=}: {ended.stderr[-1500:]}")
        again = _run(scratch, 0, keep=True)
        if again.returncode or not (scratch / "out/manifest.json").exists():
            wrong += 1
            print(f"{moment} {where}: afterwards {again.returncode}: {again.stderr[-1500:]}")
        sys.stdout.flush()
    print(f"{moments - first} moments: exit codes {dict(codes)}, {wrong} wrong")
    return wrong


def _run(scratch: Path, moment: int, *, keep: bool = False) -> subprocess.CompletedProcess[str]:
    if not keep:
        shutil.rmtree(scratch / "out", ignore_errors=True)
    return subprocess.run(
        [sys.executable, "traced.py", str(moment), *COMMAND],
        cwd=scratch,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
    )


if __name__ == "__main__":
    scratch, *rest = sys.argv[1:]
    sys.exit(bool(main(Path(scratch), *map(int, rest))))
