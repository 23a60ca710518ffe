"""Starts, updates, saves and loads a small model in several processes, and writes checkpoints."""

import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim import Optimizer

from lmkit.execution.ranks import rank, ranks
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.checkpoints.save_load import finish, load
from lmkit.training.checkpoints.streamed_save import write_shards
from lmkit.training.distributed.parallelism import Parallelism, ParallelMode
from lmkit.training.distributed.rank_zero import barrier
from lmkit.training.distributed.sharded_start import initialize_shards
from lmkit.training.distributed.sharded_weights import LocalShard
from lmkit.training.optimizer import CombinedOptimizer, optimizer_of_shards, update
from lmkit.training.options import OptimConfig

# 40, 44 and 41 aren't multiples of 3 processes; of the 4 numbers of a head's norm one has none.
SHAPE: dict[str, Any] = {"layers": 2, "hidden_size": 40, "heads": 10, "ffn_size": 44}
SHAPE |= {"biases": True, "qk_norm": True}
VOCABULARY, SEED, UPDATES = 41, 7, 3
ALGORITHMS = ("adamw", "muon")
CONFIG = ModelConfig.model_validate(SHAPE)
Model = tuple[Transformer, Sequence[LocalShard], Optimizer | CombinedOptimizer]


def modes(processes: int) -> tuple[ParallelMode, ...]:
    """Return the modes that a number of processes supports: heads can't be divided by 3."""
    return ("fsdp", "tensor") if processes == 2 else ("fsdp",)


def options(algorithm: str) -> OptimConfig:
    return OptimConfig.model_validate({"algorithm": algorithm, "lr": 0.02, "weight_decay": 0.1})


def gradients(model: Transformer, step: int) -> Iterator[tuple[str, Tensor]]:
    """Yield the same full gradient for each weight, however many processes there are."""
    generator = torch.Generator().manual_seed(step)
    for name, parameter in model.named_parameters():
        yield name, torch.randn(parameter.shape, generator=generator)


def updated(model: Model, step: int) -> None:
    """Update a model with the gradients of a step."""
    transformer, shards, optimizer = model
    by_name = {shard.name: shard for shard in shards}
    for name, gradient in gradients(transformer, step):
        by_name[name].local.grad = by_name[name].shard(gradient).clone()
    update(optimizer, None)


def sharded(mode: ParallelMode, algorithm: str, seed: int = SEED) -> Model:
    with torch.device("meta"):
        model = Transformer(CONFIG, VOCABULARY)
    accelerator = Accelerator(cpu=True)
    parallelism = Parallelism(model, accelerator, mode)
    initialize_shards(model, accelerator.device, seed)
    return (
        model,
        parallelism.local_shards,
        optimizer_of_shards(parallelism.local_shards, options(algorithm)),
    )


def saved(run: Path, step: int, model: Model) -> None:
    transformer, shards, optimizer = model
    write_shards(run, step, transformer, optimizer, shards, {"step": step})
    if rank() == 0:
        finish(run, step, keep=9)
    barrier()


def loaded(run: Path, model: Model) -> None:
    transformer, shards, optimizer = model
    warnings: list[str] = []
    load(run, transformer, optimizer, warnings.append, shards)
    assert not warnings


def fill_disk(run: Path, model: Model) -> None:
    """Save where no file may have more than 900 bytes: only rank zero fails, and none waits."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (900, before[1]))
    transformer, shards, optimizer = model
    try:
        write_shards(run, 9, transformer, optimizer, shards, {})
    except OSError as error:
        assert rank() == 0 and "model.safetensors" in str(error), error
    else:
        assert rank() != 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    barrier()


def main(folder: Path) -> None:
    Accelerator(cpu=True)
    for mode in modes(ranks()):
        for algorithm in ALGORITHMS:
            run = folder / f"{mode}-{algorithm}"
            run.mkdir(exist_ok=True)
            barrier()
            model = sharded(mode, algorithm)
            saved(run, 0, model)
            for step in range(1, UPDATES + 1):
                updated(model, step)
            saved(run, UPDATES, model)
            again = sharded(mode, algorithm, seed=SEED + 1)
            loaded(run, again)
            saved(run, UPDATES + 1, again)  # as it was loaded
            updated(again, UPDATES + 1)
            saved(run, UPDATES + 2, again)
            fill_disk(run, again)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
