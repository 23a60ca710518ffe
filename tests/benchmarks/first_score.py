"""Measure how soon `lmkit eval --task` has its first score, and its peak memory.

    lmkit export work/run --output hf
    OMP_NUM_THREADS=1 python tests/benchmarks/first_score.py work/run hf eval

Wall seconds, in turn: `import torch` by itself, and the whole of `lmkit eval RUN --task arc_easy
--limit 20`, which is at most 3 seconds more. Peak memory is that of all tasks below `eval`, 300
items of each, and less than 1.5 GB: of the run, and of the Transformers folder.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median


def run(*arguments: str) -> tuple[float, float]:
    """Return the wall seconds and the peak memory in GB of a Python process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, arguments
    return time.perf_counter() - start, used.ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs=2, help="a run, and the Transformers folder")
    parser.add_argument("eval", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=300)
    typed = parser.parse_args()
    arc = str(typed.eval / "arc_easy.jsonl.gz")
    torch_seconds: list[float] = []
    seconds: dict[str, list[float]] = {model: [] for model in typed.models}
    for _ in range(typed.rounds):
        torch_seconds.append(run("-c", "import torch")[0])
        for model, found in seconds.items():
            found.append(run("-m", "lmkit", "eval", model, "--task", arc, "--limit", "20")[0])
    print(f"import torch: {median(torch_seconds):.1f} s", flush=True)
    for model, found in seconds.items():
        more = median(found) - median(torch_seconds)
        print(f"{model}: first score {median(found):.1f} s, {more:.1f} s more", flush=True)
    for model in typed.models:
        limit = str(typed.limit)
        took, peak = run("-m", "lmkit", "eval", model, "--task", str(typed.eval), "--limit", limit)
        print(f"{model}: all tasks at {limit} items: {peak:.2f} GB, {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()
