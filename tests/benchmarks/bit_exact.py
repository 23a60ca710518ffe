"""Does a run that is killed repeatedly equal an undisturbed run?

    python tests/benchmarks/bit_exact.py PACKED SCRATCH [STEPS] [KILLS]

For each objective, in fp32 and bf16, with one process and with two, dropout on: a run of 300 steps,
and one that is killed with -9 at five random moments and resumed each time. Every line of
metrics.jsonl (except what is about the machine) and every weight and moment must be the same to the
bit.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from safetensors.numpy import load_file

from lmkit.training.metrics import OF_THE_MACHINE

SHAPE = ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "4")
KINDS = {
    "clm": ("--fim.rate", "0.2"),
    "mlm": ("--model.architecture", "encoder"),
    "plm": ("--model.architecture", "encoder", "--model.position", "transformer-xl"),
    "span-corruption": ("--model.architecture", "encoder-decoder", "--model.position", "relative"),
}


def started(packed: Path, run: Path, processes: int, *options: str) -> "subprocess.Popen[bytes]":
    """Start or resume a run in a new process group."""
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--nproc-per-node", str(processes)]
        launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m"]
    command = [*launcher, "lmkit", "pretrain", str(packed), "--output", str(run), *options]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def steps_done(run: Path) -> int:
    try:
        return len((run / "metrics.jsonl").read_bytes().splitlines())
    except FileNotFoundError:
        return 0


def content(run: Path, steps: int) -> tuple[list[dict[str, object]], dict[str, bytes]]:
    """Metrics without times, and the last checkpoint."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        for name in OF_THE_MACHINE:
            line.pop(name, None)
    folder = run / "checkpoints" / f"step-{steps:08d}"
    arrays = {
        f"{file}:{name}": array.tobytes()
        for file in ("model.safetensors", "optimizer.safetensors")
        for name, array in load_file(folder / file).items()
    }
    return lines, arrays


def try_one(
    packed: Path, scratch: Path, kind: str, precision: str, processes: int, steps: int, kills: int
) -> bool:
    options = ["--objective", kind, *KINDS[kind], *SHAPE, "--precision", precision]
    options += ["--device", "cpu", "--batch-tokens", "512", "--model.dropout", "0.1"]
    options += ["--steps", str(steps), "--save-every", "20", "--validate-every", "100"]
    name = f"{kind}-{precision}-{processes}"
    undisturbed_run, killed = scratch / f"{name}-straight", scratch / f"{name}-killed"
    assert started(packed, undisturbed_run, processes, *options).wait() == 0
    generator = random.Random(name)
    for moment in sorted(generator.uniform(0, steps) for _ in range(kills)):
        run = started(packed, killed, processes, *options)
        while steps_done(killed) < moment and run.poll() is None:
            time.sleep(0.002)
        time.sleep(generator.uniform(0, 0.05))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        time.sleep(1.0 if processes > 1 else 0.0)  # torchrun's children have separate sessions
        subprocess.run(["pkill", "-9", "-f", str(killed)], check=False)
    assert started(packed, killed, processes, *options).wait() == 0
    same = content(undisturbed_run, steps) == content(killed, steps)
    print(f"{name}: {steps} steps, killed {kills} times: {'equal' if same else 'NOT EQUAL'}")
    sys.stdout.flush()
    return same


def main(packed: Path, scratch: Path, steps: int = 300, kills: int = 5) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    results = [
        try_one(packed, scratch, kind, precision, processes, steps, kills)
        for kind in KINDS
        for precision in ("fp32", "bf16")
        for processes in (1, 2)
    ]
    print(f"{sum(results)} of {len(results)} equal")


if __name__ == "__main__":
    packed, scratch, *rest = sys.argv[1:]
    main(Path(packed), Path(scratch), *map(int, rest))
