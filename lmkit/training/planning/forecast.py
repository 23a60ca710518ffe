"""A forecast of a run's cost, before it starts.

Choices:
- Parameters and memory are computed (`model.cost`), speed is measured: a few steps of the actual
  training loop, on the first sequences of the run.
- A step has a cost per micro-batch, and a fixed one: steps of two sizes separate the two. The
  median of some steps counts: another program may stop one for seconds.
- The trial must be short. Where a micro-batch would take long, it reads fewer sequences; where even
  one sequence does, a single step is timed, and the forecast is too slow rather than too fast.
  Where the model doesn't fit into memory, there is no trial.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from lmkit.errors import ConfigError
from lmkit.execution.short_view import ShortView
from lmkit.model.cost import BatchShape, flops, memory, parameters_by_part
from lmkit.model.options import ModelConfig
from lmkit.objectives.batch import Batch
from lmkit.training.optimizers.registry import ALGORITHMS
from lmkit.training.training_recipe import Recipe

TRIAL_FLOPS = {"cpu": 5e10, "cuda": 1e14, "mps": 1e12}
"""Maximum FLOPs of a micro-batch of a trial: about a second on a slow device."""
TIMED = 5
"""Steps to time, after a warm-up step."""
WITHOUT_PAUSES: dict[str, Any] = {
    **{"validate_every": None, "save_every": None},
    **{"ramp": None, "earlier": ()},
}
"""A trial trains by such a recipe: steps of one size, and nothing between them."""
MARGIN = 0.9
"""Fraction of the free memory that may be planned with."""


@dataclass(frozen=True, repr=False)
class Forecast(ShortView):
    """The expected cost of a run; bytes, and FLOPs of training, forward and backward."""

    parameters: dict[str, int]
    memory: dict[str, int]
    memory_there: int | None
    """Free bytes on the device; None where it isn't known."""
    flops_per_token: dict[str, float]
    steps: int
    tokens_per_step: int
    rows_per_step: int
    rows: int
    """Sequences that the run reads in all."""
    micro_batch: int
    processes: int
    device: str
    precision: str
    compiled: bool = False
    """Whether the blocks are compiled."""
    preset_changes: str = ""
    """What differs from the preset of the model; empty where nothing does."""
    tokens_per_second: float | None = None
    """Of all processes together, if each is as fast as this one; None where not measured."""

    @property
    def fits(self) -> bool:
        """Whether memory suffices, as far as it is known."""
        return self.memory_there is None or sum(self.memory.values()) <= MARGIN * self.memory_there

    @property
    def tokens(self) -> int:
        """Tokens that the run reads in all."""
        return self.rows * (self.tokens_per_step // self.rows_per_step)

    @property
    def seconds(self) -> float | None:
        """Duration of the steps, without validation and saving."""
        if self.tokens_per_second is None:
            return None
        return self.tokens / self.tokens_per_second

    def steps_in(self, hours: float) -> int:
        """Return the number of steps that these hours are enough for."""
        if self.seconds is None:
            raise ConfigError(
                "--hours: the model doesn't fit into memory here, so its speed can't be measured",
                "see --dry-run; give --steps, or a smaller model or micro-batch",
            )
        return max(1, int(3600 * hours * self.steps / self.seconds))

    def to_json(self) -> dict[str, Any]:
        """Return the values for --json."""
        return asdict(self) | {"fits": self.fits, "seconds": self.seconds}

    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return what a Python shell shows of it."""
        facts = {
            "parameters": f"{sum(self.parameters.values()):,}",
            "memory": f"{sum(self.memory.values()) / 1e9:.3f} GB",
            "fits": "yes" if self.fits else "no",
            "steps": f"{self.steps:,} of {self.tokens_per_step:,} tokens",
        }
        if self.seconds is not None:
            facts["time"] = f"about {_duration(self.seconds)}"
        return f"lmkit pretrain --dry-run, on {self.device} in {self.precision}", facts

    def shown(self) -> str:
        """Return the printed text."""
        there = "" if self.memory_there is None else f" of {self.memory_there / 1e9:.1f} free"
        per_token = sum(self.flops_per_token.values())
        lines = [
            *([f"model: {self.preset_changes}"] if self.preset_changes else []),
            *_table("parameters", self.parameters, "{:,}"),
            *_table(f"memory in GB{there}", self.memory, "{:.3f}", 1e9),
            *_table("million FLOPs per token", self.flops_per_token, "{:,.1f}", 1e6),
            f"batch: {self.rows_per_step:,} sequences, {self.tokens_per_step:,} tokens; "
            f"{self.micro_batch:,} sequences at a time on {_count(self.processes, 'process')}",
            f"total: {self.steps:,} steps, {self.tokens:,} tokens, "
            f"{per_token * self.tokens:.2e} FLOPs",
        ]
        device_and_precision = f"{self.device} in {self.precision}"
        if self.compiled:
            device_and_precision += ", compiled"
        if self.tokens_per_second is None or self.seconds is None:
            return "\n".join(
                [*lines, f"speed on {device_and_precision}: not measured, since it doesn't fit"]
            )
        rate = per_token * self.tokens_per_second / 1e9
        lines.append(
            f"speed on {device_and_precision}: {self.tokens_per_second:,.0f} tokens per second "
            f"({rate:,.1f} GFLOP/s); the steps take about {_duration(self.seconds)}"
        )
        return "\n".join(lines)


def forecast(
    config: ModelConfig,
    vocabulary_size: int,
    recipe: Recipe,
    batch: Batch,
    *,
    device: torch.device,
    precision: str,
    compiled: bool = False,
    processes: int,
    trial: Callable[[Recipe, Callable[[int], None]], None],
    clock: Callable[[], float] = time.perf_counter,
) -> Forecast:
    """Return the expected cost of a run, and measure its speed where it fits.

    Args:
        config: the model.
        vocabulary_size: of its tokenizer.
        recipe: of the run.
        batch: the first micro-batch.
        device: the device of the run.
        precision: its precision.
        compiled: whether the trial compiles the blocks.
        processes: its data-parallel processes.
        trial: trains by a recipe, and calls back with the tokens read so far after each step.
        clock: returns seconds.

    """
    import torch

    from lmkit.model.attention_kernels import kernels_on

    batch_shape, bf16 = batch_shape_of(batch), precision != "fp32"
    kernels = kernels_on(device, torch.bfloat16 if bf16 else torch.float32)
    sequences, text = batch_shape.sequences, _text_tokens(batch_shape)
    per_token = flops_per_token(config, vocabulary_size, batch_shape)
    plan = Forecast(
        parameters=parameters_by_part(config, vocabulary_size),
        memory=memory(
            config,
            vocabulary_size,
            batch_shape,
            kernels,
            bf16=bf16,
            in_heap=device.type == "cpu",
            moments_in_blocks=ALGORITHMS[recipe.optim.algorithm].moments,
        ),
        memory_there=free_bytes(device),
        flops_per_token=per_token,
        steps=recipe.steps,
        tokens_per_step=recipe.global_batch_size * text // sequences,
        rows_per_step=recipe.global_batch_size,
        rows=recipe.batch_sizes.before(recipe.steps + 1),
        micro_batch=recipe.micro_batch,
        processes=processes,
        device=str(device),
        precision=precision,
        compiled=compiled,
        preset_changes=config.preset_changes_text,
    )
    if not plan.fits:
        return plan
    max_rows = TRIAL_FLOPS[device.type] / (sum(per_token.values()) * text / sequences)
    micro_batches = max(1.0, recipe.global_batch_size / (recipe.micro_batch * processes))
    if max_rows < 1:
        trial_recipe, micro_batches = replace(recipe, micro_batch=1, steps=2), 1.0
    else:
        trial_rows = min(recipe.micro_batch, int(max_rows))
        micro_batches *= recipe.micro_batch / trial_rows
        trial_recipe = replace(recipe, micro_batch=trial_rows, steps=1 + TIMED)
    return replace(
        plan,
        tokens_per_second=_measured_speed(trial_recipe, micro_batches, processes, trial, clock),
    )


def flops_per_token(
    config: ModelConfig, vocabulary_size: int, batch_shape: BatchShape
) -> dict[str, float]:
    """Return the FLOPs of training for a token of the text, forward and backward, by purpose."""
    tokens = _text_tokens(batch_shape)
    return {
        name: count / tokens for name, count in flops(config, vocabulary_size, batch_shape).items()
    }


def _text_tokens(batch_shape: BatchShape) -> int:
    """Count the tokens of the text, of which an objective may mask some and repeat others."""
    return batch_shape.sequences * (batch_shape.source_length or batch_shape.length)


def batch_shape_of(batch: Batch) -> BatchShape:
    """Return the shape of a batch."""
    sequences, length = batch.tokens_BT.shape
    return BatchShape(
        sequences,
        length,
        0 if batch.source_tokens_BS is None else batch.source_tokens_BS.shape[1],
        0 if batch.queries_BQ is None else batch.queries_BQ.shape[1],
    )


def _measured_speed(
    recipe: Recipe,
    micro_batches: float,
    processes: int,
    trial: Callable[[Recipe, Callable[[int], None]], None],
    clock: Callable[[], float],
) -> float:
    """Return the tokens per second of steps of many micro-batches, from steps of one and two."""

    def timed(micro_batches: int) -> tuple[float, float]:
        samples: list[tuple[float, int]] = []
        batch_shape = recipe.micro_batch * micro_batches * processes
        trial(
            replace(recipe, **WITHOUT_PAUSES, global_batch_size=batch_shape),
            lambda tokens: samples.append((clock(), tokens)),
        )
        steps = list(pairwise(samples))
        tokens = (samples[-1][1] - samples[0][1]) / len(steps)
        return statistics.median(end - start for (start, _), (end, _) in steps), tokens

    seconds_of_one, tokens = timed(1)
    if micro_batches <= 1:
        return tokens / seconds_of_one
    seconds_of_two, _ = timed(2)
    seconds_per_micro_batch = max(
        seconds_of_two - seconds_of_one, 0.5 * seconds_of_two / 2
    )  # apart from noise, a micro-batch is most of a step
    return micro_batches * tokens / (seconds_of_one + (micro_batches - 1) * seconds_per_micro_batch)


def free_bytes(device: torch.device) -> int | None:
    """Return the free bytes on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        (line,) = [line for line in lines if line.startswith("MemAvailable:")]
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None


def _table(title: str, parts: dict[str, Any], form: str, unit: float = 1) -> list[str]:
    """Return a total, and its parts below.

    >>> _table("memory", {"weights": 3, "loss": 1}, "{:.1f}", 2)
    ['memory: 2.0', '  weights  1.5', '  loss     0.5']
    """

    def text(value: float) -> str:
        return form.format(value if unit == 1 else value / unit)

    width = max(map(len, parts))
    values = [text(value) for value in parts.values()]
    right = max(map(len, values))
    return [
        f"{title}: {text(sum(parts.values()))}",
        *(
            f"  {name:<{width}}  {value:>{right}}"
            for name, value in zip(parts, values, strict=True)
        ),
    ]


def _count(sequences: int, what: str) -> str:
    """Return a number with its noun.

    >>> _count(1, "process"), _count(2, "process")
    ('1 process', '2 processes')
    """
    return f"{sequences:,} {what}" + ("" if sequences == 1 else "es")


def _duration(seconds: float) -> str:
    """Return a duration as text.

    >>> _duration(0.5), _duration(95), _duration(100_000)
    ('1 second', '95 seconds', '27.8 hours')
    """
    for length, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    whole = max(1, round(seconds))
    return f"{whole} second" + ("s" if whole > 1 else "")
