"""The runs of `lmkit pretrain` that a plan is about: their options, their cost, and short ones.

Choice: a plan calls pretrain, as a person would. So its speed is that of the trial that --hours
uses, its memory that of --dry-run, and a pilot run is a run.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lmkit.artifacts.manifest import Manifest
from lmkit.commands.plan.options import PlanConfig
from lmkit.commands.plan.planned_data import PlannedData
from lmkit.commands.registry import command_named
from lmkit.config_values import validated
from lmkit.counter_rng import row_keys
from lmkit.model.attention_kernels import kernels_on
from lmkit.model.cost import BatchShape, memory, parameters_by_part
from lmkit.model.default_parts import with_qk_norm
from lmkit.model.options import ModelConfig
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.objective import Packing, objective_of
from lmkit.objectives.registry import OBJECTIVES
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.learning_rate_rule import learning_rate_of_run
from lmkit.training.optimizers.registry import ALGORITHMS
from lmkit.training.planning.batch_rule import batch_tokens
from lmkit.training.planning.forecast import Forecast, batch_shape_of, flops_per_token
from lmkit.training.planning.model_sizes import ModelSize

PASSED_ON = ("objective", "seed", "device", "mixture", "model", "optim", "schedule")
"""Options that a plan and a run share, in addition to the groups of the objectives."""
SHAPE = {"preset", "layers", "hidden_size", "heads"}
"""Options of the model any of which sets its size."""
OF_THE_SIZE = {"preset", "decoder_layers", "kv_heads", "head_dim", "ffn_size"}
"""Options of the model that fit one size, or a few."""
VOCABULARY_PARTS = ("embedding", "n-grams", "output", "output bias")
MICRO_BATCH_TOKENS = 8_192
"""As in pretrain, where nothing else is asked for."""
PAUSES = 10
"""Validations and checkpoints of a run."""
WHERE = "lmkit plan"


@dataclass(frozen=True)
class PlannedRuns:
    """Runs of all sizes on the same data."""

    config: PlanConfig
    data: PlannedData
    scratch: Path
    """Folder of the pilot runs."""

    @property
    def has_typed_size(self) -> bool:
        """Whether options of the model set its size, so that there is nothing to choose."""
        return bool(SHAPE & self.config.model.model_fields_set)

    @property
    def has_other_sizes(self) -> bool:
        """Whether the model with the other options can have other sizes, in pilot runs."""
        return not OF_THE_SIZE & self.config.model.model_fields_set

    def steps(self, positions: float) -> int:
        """Return the steps that read about so many positions."""
        return max(1, round(positions / batch_tokens(positions, self.data.sequence_length)))

    def table(self, size: ModelSize | None, positions: float) -> dict[str, Any]:
        """Return the options of a run, as a table of a config file has them."""
        steps = self.steps(positions)
        groups = {entry.group for entry in OBJECTIVES}
        table = self.config.model_dump(
            mode="json", exclude_unset=True, include={*PASSED_ON, *groups}
        )
        if size is not None:
            table["model"] = table.get("model", {}) | size._asdict()
        every = max(1, -(-steps // PAUSES))
        return {
            "steps": steps,
            "batch_tokens": batch_tokens(positions, self.data.sequence_length),
            "validate_every": every,
            "save_every": every,
        } | table

    def options(self, size: ModelSize | None, positions: float, output: Path, **more: Any) -> Any:
        """Return the options of a run as `lmkit pretrain` takes them."""
        command = command_named("pretrain")
        assert command is not None
        paths = {"inputs": [str(path) for path in self.config.inputs], "output": str(output)}
        table = self.table(size, positions) | paths | more
        return validated(command.config, table, {}, WHERE)

    def model(self, size: ModelSize | None) -> ModelConfig:
        """Return the options of a model as pretrain completes them, such as learned positions."""
        options = self.options(size, 1.0, self.scratch / "unused")
        model = with_qk_norm(options.model)
        if model.longest is None or "max_positions" in self.config.model.model_fields_set:
            return model
        needed = objective_of(options).positions_needed(self.data.sequence_length)
        return model.model_copy(update={"max_positions": needed})

    def parameters(self, size: ModelSize | None) -> int:
        """Count the parameters of a model, the embedding included."""
        return sum(parameters_by_part(self.model(size), self.data.vocabulary_size).values())

    def vocabulary_parameters(self, size: ModelSize | None) -> int:
        """Count those that belong to the vocabulary."""
        parts = parameters_by_part(self.model(size), self.data.vocabulary_size)
        return sum(parts.get(name, 0) for name in VOCABULARY_PARTS)

    @cached_property
    def _make_batch(self) -> MakeBatch:
        record = self.data.packed.record
        tokenizer = Tokenizer.load(self.data.packed.path / "tokenizer")
        packing = Packing(record.sequence_length, record.bos, record.eos)
        options = self.options(None, 1.0, self.scratch / "unused")
        return objective_of(options).make(tokenizer, packing)

    @cached_property
    def _batch_shape(self) -> BatchShape:
        rows = self.data.packed.rows()
        count = max(1, MICRO_BATCH_TOKENS // self.data.sequence_length)
        numbers = np.arange(min(count, len(rows)))
        return batch_shape_of(
            self._make_batch(rows.read(numbers), row_keys(self.config.seed, 1, numbers))
        )

    def flops_per_position(self, size: ModelSize | None) -> float:
        """Return the FLOPs of training for a token, forward and backward."""
        counts = flops_per_token(self.model(size), self.data.vocabulary_size, self._batch_shape)
        return sum(counts.values())

    def learning_rate(self, size: ModelSize | None, steps: int, batch: int) -> float:
        """Return the peak learning rate that a run has: the typed one, or that of pretrain."""
        options = self.options(size, float(steps * batch), self.scratch / "unused")
        if options.optim.lr != "auto":
            return options.optim.lr
        length = self.data.sequence_length
        return learning_rate_of_run(
            options.optim.algorithm,
            self.model(size),
            sequences=steps * batch / length,
            length=length,
            batch_tokens=batch,
        )

    def memory(
        self, size: ModelSize | None, measured: Forecast, batch: int = MICRO_BATCH_TOKENS
    ) -> int:
        """Return the bytes that a run needs.

        Args:
            size: of its model.
            measured: of another run on this device.
            batch: tokens of a global batch.

        """
        device, bf16 = torch.device(measured.device), measured.precision != "fp32"
        kernels = kernels_on(device, torch.bfloat16 if bf16 else torch.float32)
        rows = max(1, min(batch, MICRO_BATCH_TOKENS) // self.data.sequence_length)
        options = self.options(size, 1.0, self.scratch / "unused")
        parts = memory(
            self.model(size),
            self.data.vocabulary_size,
            self._batch_shape._replace(sequences=rows),
            kernels,
            bf16=bf16,
            in_heap=device.type == "cpu",
            moments_in_blocks=ALGORITHMS[options.optim.algorithm].moments,
        )
        return sum(parts.values())

    def forecast(self, size: ModelSize | None, positions: float, **more: Any) -> Forecast:
        """Return the cost of a run, from a trial of a few steps."""
        output = self.scratch / "unused"
        return _pretrain(self.options(size, positions, output, dry_run=True, **more))

    def train(self, size: ModelSize | None, positions: float, output: Path) -> Manifest:
        """Train a pilot run, which resumes if it was interrupted; return its manifest."""
        pauses = {"validate_every": "none", "save_every": 1_000, "log_every": 100}
        options = self.options(size, positions, output, compile="no", **pauses)
        return _pretrain(options)


def _pretrain(options: Any) -> Any:
    command = command_named("pretrain")
    assert command is not None
    return command.run(options)
