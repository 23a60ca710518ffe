"""A tiny model and sequences to train on for a few steps in a test."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from lmkit.objectives.clm.objective import clm
from lmkit.packing.token_rows import SequenceBatch
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.loop import Hooks, Progress, train
from lmkit.training.metrics import Record
from lmkit.training.optimizer import optimizer_of
from lmkit.training.options import OptimConfig, ScheduleConfig
from lmkit.training.training_recipe import Recipe

VOCABULARY = 11


class RaggedRows:
    """Sequences of one token to full length, so that micro-batches differ in targets."""

    def __init__(self, rows: int = 13, length: int = 6) -> None:
        generator = np.random.default_rng(5)
        self._tokens_BT = generator.integers(1, VOCABULARY, (rows, length))
        self._lengths_B = generator.integers(1, length + 1, rows)
        self.sequence_length = length
        self.rows_read: list[list[int]] = []

    def __len__(self) -> int:
        return len(self._tokens_BT)

    def read(self, rows: NDArray[np.int64]) -> SequenceBatch:
        self.rows_read.append(rows.tolist())
        tokens_BT, lengths_B = self._tokens_BT[rows], self._lengths_B[rows]
        places_BT = np.broadcast_to(np.arange(tokens_BT.shape[1]), tokens_BT.shape)
        inside_BT = places_BT < lengths_B[:, None]
        has_next_BT = places_BT < lengths_B[:, None] - 1
        return SequenceBatch(
            tokens_BT=np.where(inside_BT, tokens_BT, 0),
            following_BT=np.where(has_next_BT, np.roll(tokens_BT, -1, 1), -100),
            documents_BT=inside_BT.astype(np.int32),
            positions_BT=np.where(inside_BT, places_BT, 0),
            complete_BT=inside_BT,
        )


class TinyModel(nn.Module):
    """Two layers with tied embeddings, which predict the next token from one."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embedding = nn.Embedding(VOCABULARY, 8)
        self.hidden = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, VOCABULARY, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens_BT: Tensor, targets_BT: Tensor, **_: Tensor | None) -> Tensor:
        x_BTD = self.embedding(tokens_BT)
        x_BTD = self.norm(x_BTD + self.dropout(F.gelu(self.hidden(x_BTD))))
        logits_BTV = self.head(x_BTD).float()
        return F.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten(), reduction="sum")


RECIPE = Recipe(
    seed=1,
    steps=10,
    global_batch_size=8,
    micro_batch=8,
    optim=OptimConfig(algorithm="adamw", lr=0.05),
    schedule=ScheduleConfig(warmup_steps=2),
)


BEGINNING, SILENT = Progress(), Hooks()


class Run:
    """A model that is trained, and the records of its steps."""

    def __init__(
        self, dropout: float = 0.0, rows: RaggedRows | None = None, precision: str = "no"
    ) -> None:
        self.model = TinyModel(dropout)
        AcceleratorState._reset_state()  # else there is one precision per process
        self.accelerator = Accelerator(cpu=True, mixed_precision=precision)
        self.parallelism = Parallelism(self.model, self.accelerator)
        self.optimizer = optimizer_of(self.model.named_parameters(), RECIPE.optim)
        self.rows = rows or RaggedRows()
        self.records: list[Record] = []
        self.saved: list[Progress] = []

    def train(self, start: Progress = BEGINNING, hooks: Hooks = SILENT, **changes: Any) -> Progress:
        return train(
            self.parallelism,
            self.optimizer,
            self.rows,
            clm,
            replace(RECIPE, **changes),
            start,
            replace(hooks, on_step=self.records.append),
        )

    @property
    def losses(self) -> list[float]:
        return [record.loss for record in self.records]

    @property
    def weights(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.model.named_parameters()}
