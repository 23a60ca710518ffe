"""Do all parallel modes give the result of one process, and resume from one another?

    python tests/benchmarks/parallel_modes.py PACKED SCRATCH [STEPS]

For each kind of model: a run in one process, and one in each mode on two processes; then the first
half in each mode, resumed in each other. Prints the largest relative difference of the losses.
Tensor parallelism doesn't support positions that add to the scores of heads.
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
MODES = ("ddp", "fsdp", "tensor")


def losses(
    packed: Path, run: Path, mode: str, kind: str, steps: int, all_steps: int
) -> list[float]:
    """Train, or resume, and return the loss of each step so far."""
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


def difference(one: list[float], other: list[float]) -> float:
    return max(abs(a / b - 1) for a, b in zip(one, other, strict=True))


def main(packed: Path, scratch: Path, steps: int = 50) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        modes = [mode for mode in MODES if mode != "tensor" or kind in {"clm", "mlm"}]
        single_process = losses(packed, scratch / f"{kind}-alone", "alone", kind, steps, steps)
        for mode in modes:
            run = scratch / f"{kind}-{mode}"
            full_run = losses(packed, run, mode, kind, steps, steps)
            print(
                f"{kind}, {mode}: {difference(full_run, single_process):.1e} from one process",
                flush=True,
            )
            losses(packed, scratch / f"{kind}-{mode}-half", mode, kind, steps // 2, steps)
        for first, second in itertools.product(modes, [*modes, "alone"]):
            run = scratch / f"{kind}-{first}-{second}"
            shutil.copytree(scratch / f"{kind}-{first}-half", run)
            resumed = losses(packed, run, second, kind, steps, steps)
            print(
                f"{kind}, {first} then {second}: {difference(resumed, single_process):.1e}",
                flush=True,
            )


if __name__ == "__main__":
    packed, scratch, *rest = sys.argv[1:]
    main(Path(packed), Path(scratch), *map(int, rest))
