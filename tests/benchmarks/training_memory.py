"""The memory that `--dry-run` estimates, beside the memory that the run takes.

    python tests/benchmarks/training_memory.py PACKED SCRATCH [--steps 3] [--held-out]

Six shapes of decoders, encoders and encoder-decoders on the CPU, each in a process of its own; the
gaps in the heap (`cost.HEAP_GAPS`) were fitted on them, and the `--held-out` six are others. The
measured value is the highest resident set of the run above that of the same command at its start
(libraries, the data): what `VmHWM` of a run of a tiny model has. All held-out sequences are
validated after the last step: PACKED should have few.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SHAPE = "--model.layers {} --model.hidden-size {} --model.heads {}"
RUNS = {
    "decoder 6 x 384, micro-batch 8": f"{SHAPE.format(6, 384, 6)} --micro-batch 8",
    "decoder 6 x 384, micro-batch 32": f"{SHAPE.format(6, 384, 6)} --micro-batch 32",
    "decoder 12 x 768, micro-batch 4": f"{SHAPE.format(12, 768, 12)} --micro-batch 4",
    "decoder 8 x 512, muon": f"{SHAPE.format(8, 512, 8)} --micro-batch 8 --optim.algorithm muon",
    "encoder 6 x 512, mlm": f"{SHAPE.format(6, 512, 8)} --micro-batch 16 --objective mlm",
    "encoder-decoder 4 + 4 x 512": (
        f"{SHAPE.format(4, 512, 8)} --micro-batch 16 --objective span-corruption"
    ),
}
HELD_OUT = {
    "decoder 10 x 640, micro-batch 8": f"{SHAPE.format(10, 640, 10)} --micro-batch 8",
    "decoder 3 x 256, micro-batch 64": f"{SHAPE.format(3, 256, 4)} --micro-batch 64",
    "decoder 8 x 512, alibi": f"{SHAPE.format(8, 512, 8)} --micro-batch 16 --model.position alibi",
    "decoder 6 x 512, fp32": f"{SHAPE.format(6, 512, 8)} --micro-batch 16 --precision fp32",
    "encoder 8 x 384, mlm": f"{SHAPE.format(8, 384, 6)} --micro-batch 24 --objective mlm",
    "encoder-decoder 6 + 6 x 384": (
        f"{SHAPE.format(6, 384, 6)} --micro-batch 24 --objective span-corruption"
    ),
}
TINY = f"{SHAPE.format(1, 32, 2)} --micro-batch 1"


def command(packed: Path, scratch: Path, options: str, steps: int) -> list[str]:
    """Return the command of a run, whose steps have two micro-batches."""
    run = scratch / "run"
    shutil.rmtree(run, ignore_errors=True)
    length = json.loads((packed / "manifest.json").read_text())["config"]["sequence_length"]
    words = options.split()
    tokens = 2 * int(words[words.index("--micro-batch") + 1]) * length
    return [
        *(sys.executable, "-m", "lmkit", "pretrain", str(packed), "--output", str(run)),
        *("--device", "cpu", "--steps", str(steps), "--batch-tokens", str(tokens)),
        *("--validate-every", "none", "--save-every", "none", "--compile", "no"),
        *words,
    ]


def peak(words: list[str]) -> float:
    """Return the highest resident set of a command, in GB."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, words
    return usage.ru_maxrss * 1024 / 1e9


def estimate(words: list[str]) -> float:
    """Return what a dry run estimates, in GB."""
    done = subprocess.run([*words, "--dry-run", "--json"], capture_output=True, check=True)
    return sum(json.loads(done.stdout)["memory"].values()) / 1e9


def main() -> None:
    """Print a line for each shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packed", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--held-out", action="store_true")
    typed = parser.parse_args()
    # By chance it takes 0.15 GB more; the least of three isn't of such a run.
    base = min(peak(command(typed.packed, typed.scratch, TINY, typed.steps)) for _ in range(3))
    print(f"a tiny model: {base:.3f} GB")
    for name, options in (HELD_OUT if typed.held_out else RUNS).items():
        words = command(typed.packed, typed.scratch, options, typed.steps)
        estimated = estimate(words)
        measured = peak(words) - base
        ratio = estimated / measured
        print(f"{name:34} estimated {estimated:.3f}, measured {measured:.3f} GB: {ratio:.3f}")


if __name__ == "__main__":
    main()
