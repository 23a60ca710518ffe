"""lmkit under torchrun, on this machine's CPU."""

import os
import subprocess
import sys
from pathlib import Path

SHAPE = ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "4")
SETTINGS = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256")
SETTINGS += ("--optim.lr", "0.01", "--schedule.warmup-steps", "2", "--model.ffn-size", "64")


def pretrain(processes: int, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run `lmkit pretrain` in so many processes, and wait for it."""
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--nproc-per-node", str(processes)]
        launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m"]
    command = [*launcher, "lmkit", "pretrain", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
