"""Do all ways of sharing the work give what one process gives, and go on from one another?

    python tests/benchmarks/ways.py PACKED SCRATCH [STEPS]

For each kind of model: a run alone, and one with each way on two processes; then the first half in
each way, gone on with in each other. Prints the largest relative difference of the losses. Tensor
parallel takes no positions that add to the scores of heads.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SETTINGS = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "1024")
SETTINGS += ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "4")
KINDS = {
    "clm": ("--model.qk-norm", "--model.kv-heads", "2"),
    "mlm": ("--model.architecture", "encoder"),
    "plm": ("--model.architecture", "encoder", "--model.position", "transformer-xl"),
    "span-corruption": ("--model.architecture", "encoder-decoder", "--model.position", "relative"),
}
WAYS = ("ddp", "fsdp", "tensor")


def losses(
    packed: Path, run: Path, mode: str, kind: str, steps: int, all_steps: int
) -> list[float]:
    """Train, or go on, and return the loss of each step so far."""
    launcher = [sys.executable, "-m"]
    if mode != "alone":
        launcher += ["torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
        launcher += ["--rdzv-endpoint", "localhost:0", "-m"]
    command = [*launcher, "lmkit", "pretrain", str(packed), "--output", str(run), *SETTINGS]
    command += ["--objective", kind, *KINDS[kind], "--parallel", "ddp" if mode == "alone" else mode]
    command += ["--steps", str(steps), "--schedule.decay-steps", str(all_steps)]
    command += ["--schedule.warmup-steps", "5"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def apart(one: list[float], other: list[float]) -> float:
    return max(abs(a / b - 1) for a, b in zip(one, other, strict=True))


def main(packed: Path, scratch: Path, steps: int = 50) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        ways = [mode for mode in WAYS if mode != "tensor" or kind in {"clm", "mlm"}]
        alone = losses(packed, scratch / f"{kind}-alone", "alone", kind, steps, steps)
        for mode in ways:
            run = scratch / f"{kind}-{mode}"
            whole = losses(packed, run, mode, kind, steps, steps)
            print(f"{kind}, {mode}: {apart(whole, alone):.1e} from one process", flush=True)
            losses(packed, scratch / f"{kind}-{mode}-half", mode, kind, steps // 2, steps)
        for first, second in itertools.product(ways, [*ways, "alone"]):
            run = scratch / f"{kind}-{first}-{second}"
            shutil.copytree(scratch / f"{kind}-{first}-half", run)
            both = losses(packed, run, second, kind, steps, steps)
            print(f"{kind}, {first} then {second}: {apart(both, alone):.1e}", flush=True)


if __name__ == "__main__":
    packed, scratch, *rest = sys.argv[1:]
    main(Path(packed), Path(scratch), *map(int, rest))
