"""lmkit under torchrun, on this machine's CPU."""

import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SHAPE = ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "4")
SETTINGS = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256")
SETTINGS += ("--optim.algorithm", "adamw", "--optim.lr", "0.01")  # muon enlarges rounding
SETTINGS += ("--schedule.warmup-steps", "2", "--model.ffn-size", "64")


def lmkit_command(processes: int, *arguments: str | Path) -> list[str]:
    """Return a command line of `lmkit` in several processes."""
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--nproc-per-node", str(processes)]
        launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m"]
    return list(map(str, [*launcher, "lmkit", *arguments]))


def command_of(processes: int, *arguments: str | Path) -> list[str]:
    """Return the command line of `lmkit pretrain` in several processes."""
    return lmkit_command(processes, "pretrain", *arguments)


def pretrain(processes: int, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run `lmkit pretrain` in several processes, and wait for it."""
    command = command_of(processes, *arguments)
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)


def started(processes: int, *arguments: str | Path) -> "subprocess.Popen[str]":
    """Start `lmkit pretrain` in several processes."""
    command = command_of(processes, *arguments)
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def children(process: int) -> list[int]:
    """Return the processes that another one has started, in the order of their numbers."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return sorted(map(int, listed))
