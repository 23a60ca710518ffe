"""Computes the gradients of one step of each objective, in one or several processes."""

import itertools
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.clm.objective import clm
from lmkit.objectives.mlm.objective import mlm
from lmkit.objectives.plm.objective import plm
from lmkit.objectives.span_corruption.masked_spans import Marks, span_corruption
from lmkit.packing.token_rows import SequenceBatch
from lmkit.tokenizers.word_boundaries import WordBoundaries
from lmkit.training.distributed.parallelism import Parallelism, ParallelMode
from lmkit.training.distributed.rank_zero import barrier
from lmkit.training.distributed.sharded_start import initialize_shards
from lmkit.training.loop import Hooks, Progress, train
from lmkit.training.optimizer import optimizer_of_shards
from tests.training.tiny import RECIPE

SIZE, FIRST, ROWS, LENGTH = 40, 12, 8, 24
ORDINARY_V = np.arange(SIZE) >= FIRST
MARKS = Marks(tuple(range(11, 4, -1)), 2, (), 1, 0)
WORDS = WordBoundaries([" a" if ordinary else None for ordinary in ORDINARY_V])
MODES: tuple[ParallelMode, ...] = ("ddp", "fsdp", "tensor")
KINDS: dict[str, tuple[dict[str, str], MakeBatch]] = {
    "clm": ({}, clm),
    "qwen": ({"qk_norm": "true", "kv_heads": "2", "biases": "true"}, clm),
    "relative": ({"position": "relative"}, clm),
    "alibi": ({"position": "alibi", "window": "5"}, clm),
    "learned": ({"position": "learned", "max_positions": "24"}, clm),
    "sinusoidal": ({"position": "sinusoidal"}, clm),
    "none": ({"position": "none"}, clm),
    "mlm": ({"architecture": "encoder"}, lambda rows, keys: mlm(rows, keys, 2, ORDINARY_V)),
    "plm": (
        {"architecture": "encoder", "position": "transformer-xl"},
        lambda rows, keys: plm(rows, keys, ORDINARY_V, WORDS),
    ),
    "span-corruption": (
        {"architecture": "encoder-decoder", "position": "relative"},
        lambda rows, keys: span_corruption(rows, keys, MARKS),
    ),
}


class Ragged:
    """Sequences of one document of any length, padded."""

    sequence_length = LENGTH

    def __len__(self) -> int:
        return ROWS

    def read(self, rows: NDArray[np.int64]) -> SequenceBatch:
        generator = np.random.default_rng(3)
        tokens_BT = generator.integers(FIRST, SIZE, (ROWS, LENGTH))[rows]
        lengths_B = np.array([24, 3, 17, 8, 24, 5, 11, 20])[rows]
        places_BT = np.broadcast_to(np.arange(LENGTH), tokens_BT.shape)
        inside_BT = places_BT < lengths_B[:, None]
        has_next_BT = places_BT < lengths_B[:, None] - 1
        return SequenceBatch(
            tokens_BT=np.where(inside_BT, tokens_BT, 0),
            following_BT=np.where(has_next_BT, np.roll(tokens_BT, -1, 1), -100),
            documents_BT=inside_BT.astype(np.int32),
            positions_BT=np.where(inside_BT, places_BT, 0),
            complete_BT=inside_BT,
        )


def gradients(kind: str, micro_batch: int, mode: ParallelMode = "ddp") -> dict[str, NDArray[Any]]:
    """Return the gradients of the first step, before clipping; those of all processes together."""
    shape: dict[str, object] = {"layers": 2, "hidden_size": 32, "heads": 4}
    parts, objective = KINDS[kind]
    config, accelerator = ModelConfig.model_validate(shape | parts), Accelerator(cpu=True)
    with nullcontext() if mode == "ddp" else torch.device("meta"):
        model = Transformer(config, SIZE, seed=5)
    parallelism = Parallelism(model, accelerator, mode)
    if mode != "ddp":
        initialize_shards(model, accelerator.device, seed=5)
    found: dict[str, NDArray[Any]] = {}
    take = parallelism.collect_gradients

    def record() -> None:
        take()
        found.update(
            (one.name, one.full(one.local.grad).numpy().copy())
            for one in parallelism.local_shards
            if one.local.grad is not None
        )

    parallelism.collect_gradients = record  # type: ignore[method-assign]
    optimizer = optimizer_of_shards(parallelism.local_shards, RECIPE.optim)
    recipe = replace(RECIPE, steps=1, global_batch_size=ROWS, micro_batch=micro_batch)
    train(parallelism, optimizer, Ragged(), objective, recipe, Progress(), Hooks())
    return found


def main(folder: Path) -> None:
    rank = Accelerator(cpu=True).process_index
    for kind, mode in itertools.product(KINDS, MODES):
        found = gradients(kind, 3, mode)
        np.savez(folder / f"{kind}-{mode}-{rank}.npz", **found)
    barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
