"""The copy task: rows whose second half repeats the first, and how well each objective learns it.

    python tests/benchmarks/copy_task.py [clm] [mlm] [plm] [span-corruption]

A small model is trained on random rows, with the functions that `lmkit pretrain` trains with, and
then asked for rows that it has not seen. What counts are the targets whose twin in the other half
the model can see, or has said before: at least 99% of them should be right. Each takes minutes on
two cores.

Span corruption copies halves of 8: there the twin of what is hidden stands at one of two distances,
and an exact sense of distance finds it. In halves of 16 a source has several holes, which move the
twins about, and they have to be found by what stands beside them; a model of this size was at 0.83
after 4,000 batches of 64 rows. T5's buckets put distances from 8 to 11 into one, so it has rotary
positions here.

Shapes: B rows, T places, H places in half a row, Q places asked, S places of the source.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from lmkit.counter_rng import row_keys, uniform
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.objectives.batch import Batch
from lmkit.objectives.clm import clm
from lmkit.objectives.mlm import mlm
from lmkit.objectives.plm import plm
from lmkit.objectives.registry import Objective
from lmkit.objectives.span_corruption import Marks, span_corruption
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from lmkit.tokenizers.word_boundaries import WordBoundaries
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.loop import Hooks, Progress, Recipe, train
from lmkit.training.optimizer import optimizer_of
from lmkit.training.options import OptimConfig, ScheduleConfig

HALVES = {"clm": 16, "mlm": 16, "plm": 16, "span-corruption": 8}
PAD, END, MASK = 0, 1, 2
FIRST_TEXT, TEXTS = 20, 108
VOCABULARY = FIRST_TEXT + TEXTS
MARKS = Marks(tuple(range(FIRST_TEXT - 1, 9, -1)), MASK, (), END, PAD)
IS_ORDINARY_V = np.arange(VOCABULARY) >= FIRST_TEXT
WORDS = WordBoundaries([" a" if ordinary else None for ordinary in IS_ORDINARY_V])
BATCH = 32
STEPS = {"clm": 1_000, "mlm": 2_000, "plm": 2_000, "span-corruption": 3_000}


@dataclass(frozen=True)
class CopyRows:
    """As many rows as anyone wants, each made of its number."""

    half: int

    def __len__(self) -> int:
        return 10**9

    def read(self, rows: NDArray[np.int64]) -> SequenceBatch:
        u_BH = uniform(row_keys(1, 0, rows), 0, self.half)
        half_BH = FIRST_TEXT + (u_BH * TEXTS).astype(np.int64)
        tokens_BT = np.concatenate([half_BH, half_BH], axis=1)
        following_BT = np.roll(tokens_BT, -1, axis=1)
        following_BT[:, -1] = NO_TARGET
        ones_BT = np.ones_like(tokens_BT)
        return SequenceBatch(
            tokens_BT=tokens_BT,
            following_BT=following_BT,
            documents_BT=ones_BT.astype(np.int32),
            positions_BT=np.cumsum(ones_BT, axis=1) - 1,
            complete_BT=ones_BT > 0,
        )


def twin(place: NDArray[np.int64], half: int) -> NDArray[np.int64]:
    return (place + half) % (2 * half)


def half_of(batch: Batch) -> int:
    return batch.tokens_BT.shape[1] // 2


def clm_counts(batch: Batch) -> NDArray[np.bool_]:
    """The target of place t is t + 1, and its twin stands before it in the second half."""
    half = half_of(batch)
    return np.broadcast_to(np.arange(2 * half) + 1 >= half, batch.targets_BT.shape)


def mlm_counts(batch: Batch) -> NDArray[np.bool_]:
    half = half_of(batch)
    return batch.targets_BT[:, twin(np.arange(2 * half), half)] == NO_TARGET


def plm_counts(batch: Batch) -> NDArray[np.bool_]:
    assert batch.order_BT is not None and batch.queries_BQ is not None
    own = np.take_along_axis(batch.order_BT, batch.queries_BQ, 1)
    return np.take_along_axis(batch.order_BT, twin(batch.queries_BQ, half_of(batch)), 1) < own


def span_counts(batch: Batch) -> NDArray[np.bool_]:
    """Hidden tokens that stand in the source, or have been said: by their place in the row."""
    assert batch.source_tokens_BS is not None
    counts_BT = np.zeros(batch.targets_BT.shape, np.bool_)
    for row, (source, target) in enumerate(
        zip(batch.source_tokens_BS.tolist(), batch.targets_BT.tolist(), strict=True)
    ):
        holes: dict[int, list[int]] = {}
        hole = 0
        for column, token in enumerate(target):
            if token in MARKS.sentinels:
                hole = token
                holes[hole] = []
            elif token >= FIRST_TEXT:
                holes[hole].append(column)
        place, hidden = 0, dict[int, int]()
        for token in source:
            if token in MARKS.sentinels:
                for column in holes[token]:
                    hidden[place] = column
                    place += 1
            elif token >= FIRST_TEXT:
                place += 1
        for place, column in hidden.items():
            half = HALVES["span-corruption"]
            other = hidden.get((place + half) % (2 * half))
            counts_BT[row, column] = other is None or other < column
    return counts_BT


KINDS: dict[str, tuple[dict[str, str], Objective, Callable[[Batch], NDArray[np.bool_]]]] = {
    "clm": ({"architecture": "decoder"}, clm, clm_counts),
    "mlm": (
        {"architecture": "encoder"},
        lambda rows, keys_B: mlm(rows, keys_B, MASK, IS_ORDINARY_V),
        mlm_counts,
    ),
    "plm": (
        {"architecture": "encoder", "position": "transformer-xl"},
        lambda rows, keys_B: plm(rows, keys_B, IS_ORDINARY_V, WORDS),
        plm_counts,
    ),
    "span-corruption": (
        {"architecture": "encoder-decoder", "position": "rotary"},
        lambda rows, keys_B: span_corruption(rows, keys_B, MARKS),
        span_counts,
    ),
}


def accuracy(model: Transformer, name: str) -> tuple[int, int]:
    """Right answers, and how many there were to give, on rows that come behind all others."""
    _, objective, counted = KINDS[name]
    numbers = 10**9 + np.arange(1_000)
    batch = objective(CopyRows(HALVES[name]).read(numbers), row_keys(2, 0, numbers))
    arguments = {key: t for key, t in batch.tensors().items() if key != "targets_BT"}
    model.eval()
    with torch.no_grad():
        said = model(**arguments).argmax(-1).numpy()
    counts = counted(batch) & (batch.targets_BT >= FIRST_TEXT)
    return int(((said == batch.targets_BT) & counts).sum()), int(counts.sum())


def learn(name: str) -> None:
    parts, objective, _ = KINDS[name]
    shape = {"layers": 2, "hidden_size": 128, "heads": 4}
    model = Transformer(ModelConfig.model_validate(shape | parts), VOCABULARY)
    accelerator = Accelerator(cpu=True)
    recipe = Recipe(
        seed=0,
        steps=STEPS[name],
        global_batch_size=BATCH,
        micro_batch=BATCH,
        optim=OptimConfig(lr=2e-3),
        schedule=ScheduleConfig(warmup_steps=100),
    )
    begun = time.perf_counter()

    def tell(record: object) -> None:
        step = getattr(record, "step", 0)
        if step % 200 == 0:
            right, asked = accuracy(model, name)
            print(f"{name}: step {step}, {right / asked:.4f} of {asked:,}", flush=True)

    optimizer = optimizer_of(model.named_parameters(), recipe.optim)
    train(
        Parallelism(model, accelerator),
        optimizer,
        CopyRows(HALVES[name]),
        objective,
        recipe,
        Progress(),
        Hooks(on_step=tell),
    )
    right, asked = accuracy(model, name)
    seconds = time.perf_counter() - begun
    verdict = "learned" if right >= 0.99 * asked else "NOT LEARNED"
    print(f"{name}: {right:,} of {asked:,} right ({right / asked:.4f}), {seconds:.0f} s: {verdict}")


if __name__ == "__main__":
    for name in sys.argv[1:] or KINDS:
        learn(name)
