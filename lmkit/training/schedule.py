"""The learning rate, as a pure function of the step.

Choices:
- A linear warm-up, then one of these down to a fraction of the peak, then constant:
    cosine         Loshchilov and Hutter (2017, arXiv 1608.03983), without restarts; GPT-3, Llama
    linear         a straight line; BERT
    constant       no decay at all
    inverse-sqrt   peak times sqrt(warm-up / step), without end; T5 (Raffel et al. 2020, section
                   3.1.2)
    wsd            the peak, and a straight line down over the last part (warm-up, stable, decay; Hu
                   et al. 2024, arXiv 2404.06395): a longer run resumes from before the decay
- Steps count from 1, and step 1 already trains: a first step with rate 0 is a wasted batch.
- There is no scheduler object, so there is no state that a checkpoint could get wrong.
- Without a typed number, the warm-up is a quarter of the schedule, and at most 100 steps, which
  would be most of a short run (`tests/benchmarks/recipe.md`).
"""

import math

from lmkit.training.options import ScheduleConfig

LONGEST_WARMUP = 100
"""Steps of a warm-up that nobody typed."""
WARMUP_FRACTION = 4
"""One step of so many, in a shorter run."""


def automatic_warmup(steps: int, config: ScheduleConfig) -> int:
    """Return what `--schedule.warmup-steps auto` is for a run of `steps`.

    >>> automatic_warmup(105, ScheduleConfig()), automatic_warmup(5_000, ScheduleConfig())
    (26, 100)
    """
    return min(LONGEST_WARMUP, (config.decay_steps or steps) // WARMUP_FRACTION)


def learning_rate(step: int, peak: float, steps: int, config: ScheduleConfig) -> float:
    """Return the learning rate of a step of a run of `steps`; the first step is 1.

    A run that is shorter than its warm-up ends during it.

    >>> config = ScheduleConfig(warmup_steps=2, final_lr_fraction=0.0)
    >>> [round(learning_rate(step, 1.0, 6, config), 3) for step in range(1, 8)]
    [0.5, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    if step <= config.warmup:
        return peak * step / config.warmup
    if config.kind == "constant":
        return peak
    if config.kind == "inverse-sqrt":
        return peak * math.sqrt(max(1, config.warmup) / step)
    end = config.decay_steps or steps
    if step >= end:
        return peak * config.final_lr_fraction
    start = config.warmup
    if config.kind == "wsd":
        start = max(start, end - round(config.decay_fraction * end))
    elapsed = max(0.0, (step - start) / (end - start))
    remaining = (1 + math.cos(math.pi * elapsed)) / 2 if config.kind == "cosine" else 1 - elapsed
    return peak * (config.final_lr_fraction + (1 - config.final_lr_fraction) * remaining)
