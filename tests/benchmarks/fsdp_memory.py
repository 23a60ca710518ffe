"""How much memory does a process need at the start, to save and to load, under --parallel fsdp?

    python tests/benchmarks/fsdp_memory.py SCRATCH [MEGABYTES=1000]

A decoder with about that many megabytes of weights, in fp32, and AdamW's moments are made as
`lmkit pretrain` makes them, saved and loaded, by 1, 2 and 4 processes over Gloo. Prints the peak of
the resident memory of a process, the largest of all, above that of a process with imports and a
process group only, and its ratio to that of one process; asked is at most 1/n + 10%. SCRATCH needs
about four times the size for a while. Linux only: a process resets its peak before each part.

With one process there is nothing to shard: it is --parallel ddp, which saves from a copy.
"""

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist

from lmkit.execution.ranks import rank, ranks
from lmkit.model.cost import parameters
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.checkpoints.save_load import finish, load, save, snapshot
from lmkit.training.checkpoints.streamed_save import write_shards
from lmkit.training.distributed.launch import accelerator_for
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.distributed.sharded_start import initialize_shards
from lmkit.training.optimizer import CombinedOptimizer, optimizer_of_shards
from lmkit.training.options import OptimConfig
from lmkit.training.planning.glibc_allocator import tune_allocator

PROCESSES = (1, 2, 4)
PARTS = ("start", "save", "load")
VOCABULARY = 8192
Optimizer = torch.optim.Optimizer | CombinedOptimizer


def config_of(megabytes: int) -> ModelConfig:
    """Return the shape of a decoder whose weights have about that many megabytes."""
    hidden_size = max(256, round((megabytes * 1e6 / 4 / 12 / 16) ** 0.5 / 64) * 64)
    shape = {"hidden_size": hidden_size, "heads": hidden_size // 64, "layers": 1}
    fixed, one = (
        parameters(ModelConfig.model_validate(shape | {"layers": layers}), VOCABULARY)
        for layers in (1, 2)
    )
    layers = max(1, round(1 + (megabytes * 1e6 / 4 - fixed) / (one - fixed)))
    return ModelConfig.model_validate(shape | {"layers": layers})


def peak_of(part: Callable[[], object]) -> int:
    """Return the most resident bytes of this process during a part."""
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    part()
    return memory("VmHWM")


def memory(entry: str) -> int:
    """Return an entry of this process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [each for each in lines if each.startswith(f"{entry}:")]
    return int(line.split()[1]) * 1024


def start(config: ModelConfig) -> tuple[Parallelism, Optimizer]:
    """Make a model and its optimizer as `lmkit pretrain --parallel fsdp` does."""
    accelerator = accelerator_for("cpu", "fp32")
    if ranks() == 1:
        parallelism = Parallelism(Transformer(config, VOCABULARY), accelerator)
    else:
        with torch.device("meta"):
            model = Transformer(config, VOCABULARY)
        parallelism = Parallelism(model, accelerator, "fsdp")
        initialize_shards(model, accelerator.device, 0)
    return parallelism, optimizer_of_shards(
        parallelism.local_shards, OptimConfig(algorithm="adamw", lr=1e-3)
    )


def give_moments(parallelism: Parallelism, optimizer: Optimizer) -> None:
    """Give each weight the moments of AdamW: what a step would leave, without its activations."""
    for shard in parallelism.local_shards:
        zeros = (torch.zeros_like(shard.local) + 1e-3 for _ in range(2))
        optimizer.state[shard.local] = {
            "step": torch.tensor(1.0),
            **dict(zip(("exp_avg", "exp_avg_sq"), zeros, strict=True)),
        }


def save_all(run: Path, parallelism: Parallelism, optimizer: Optimizer) -> None:
    """Save as a run does."""
    shards = parallelism.local_shards
    if ranks() == 1:
        save(run, 1, snapshot(parallelism.model, optimizer, shards), {"step": 1})
        return
    write_shards(run, 1, parallelism.model, optimizer, shards, {"step": 1})
    if rank() == 0:
        finish(run, 1)


def restart(run: Path, config: ModelConfig) -> None:
    """Start and load as a run that resumes."""
    parallelism, optimizer = start(config)
    load(run, parallelism.model, optimizer, print, parallelism.local_shards)


def import_all() -> None:
    """Use once, for the smallest model, what any process uses: libraries, and the process group."""
    start(config_of(1))
    if ranks() > 1:
        dist.barrier()
    gc.collect()


def measured(part: str, megabytes: int, run: Path) -> dict[str, int]:
    """Return the peak of a part in this process, and the resident bytes before it."""
    config = config_of(megabytes)
    tune_allocator()
    import_all()
    before = memory("VmRSS")
    if part == "start":
        return {"before": before, "peak": peak_of(lambda: start(config))}
    if part == "load":
        return {"before": before, "peak": peak_of(lambda: restart(run, config))}
    parallelism, optimizer = start(config)
    give_moments(parallelism, optimizer)
    return {"before": before, "peak": peak_of(lambda: save_all(run, parallelism, optimizer))}


def child(part: str, megabytes: int, scratch: Path) -> None:
    accelerator_for("cpu", "fp32")  # joins the others
    found = measured(part, megabytes, scratch / "run")
    (scratch / f"rank-{rank()}.json").write_text(json.dumps(found), "utf-8")
    if ranks() > 1:
        dist.barrier()
        dist.destroy_process_group()


def main(scratch: Path, megabytes: int) -> None:
    count = parameters(config_of(megabytes), VOCABULARY)
    print(f"{count * 4 / 1e6:,.0f} MB of weights in fp32", flush=True)
    single: dict[str, int] = {}
    for processes in PROCESSES:
        folder = scratch / "fsdp-memory"
        (folder / "run").mkdir(parents=True)
        for part in PARTS:
            launcher = [sys.executable, "-m"]
            if processes > 1:
                launcher += ["torch.distributed.run", "--nproc-per-node", str(processes)]
                launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m"]
            command = [*launcher, "tests.benchmarks.fsdp_memory", "--child", part]
            command += [str(megabytes), str(folder)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            subprocess.run(command, check=True, env=environment)
            taken = [
                json.loads((folder / f"rank-{number}.json").read_text())
                for number in range(processes)
            ]
            above = max(each["peak"] - each["before"] for each in taken)
            single.setdefault(part, above)
            ratio, bound = above / single[part], 1 / processes + 0.1
            verdict = "" if processes == 1 else f", {ratio:.3f} of one's (at most {bound:.3f})"
            print(f"{processes} processes, {part}: {above / 1e6:,.0f} MB{verdict}", flush=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        part, size, folder = sys.argv[2:]
        child(part, int(size), Path(folder))
    else:
        scratch, *rest = sys.argv[1:]
        main(Path(scratch), *map(int, rest or ["1000"]))
