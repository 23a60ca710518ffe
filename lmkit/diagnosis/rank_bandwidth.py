"""How fast processes add up gradients: gloo between processes of the CPU, NCCL between GPUs.

Choice: the processes are started by torch's own launcher, as those of a run are; they talk over
this machine only.
"""

import os
import subprocess
import sys
import tempfile

import torch

from lmkit.diagnosis.finding import Asked, Finding

TIMEOUT = 60


def measure_bandwidth(asked: Asked) -> Finding:
    """Return the bandwidth of an all-reduce of 32 MB."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    backend, count = ("nccl", gpus) if gpus > 1 else ("gloo", 2)
    available = torch.distributed.is_available() and torch.distributed.is_backend_available(backend)
    facts: dict[str, object] = {"backend": backend if available else "none", "processes": count}
    if not available or not asked.measures:
        return Finding(facts)
    try:
        bandwidth = bandwidth_of(backend, count)
    except (subprocess.SubprocessError, ValueError) as error:
        return Finding(facts | {"all_reduce": f"failed: {_reason(error)}"})
    return Finding(facts | {"all_reduce": f"{bandwidth / 1e9:.2f} GB/s"})


def bandwidth_of(backend: str, processes: int) -> float:
    """Return the bandwidth between processes of this machine in bytes a second."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node", str(processes), "-m"]
    command += ["lmkit.diagnosis.all_reduce_trial", backend]
    environment = {"OMP_NUM_THREADS": "1"} | dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT,
            cwd=folder,
            env=environment,
        )
    return float(done.stdout.split()[-1])


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in error.stderr.splitlines() if "Error" in line]
        return lines[-1].strip() if lines else f"exit code {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no result within {TIMEOUT} s"
    return "no number was printed"
