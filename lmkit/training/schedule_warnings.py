"""Schedules that are valid, and are unlikely to be what was meant.

Choices:
- The options of a schedule are checked against the steps of the run, which --tokens, --epochs and
  --hours determine too, and against the steps that a resumed run had before.
- They warn and change nothing: a short run may be meant to follow the start of a longer schedule.
"""

from lmkit.training.options import ScheduleConfig
from lmkit.training.schedule import learning_rate

WARMUP_FRACTION = 0.5
"""A warm-up over more than this fraction of the run is reported."""
JUMP = 1.05
"""A change of the learning rate by more than this factor is a jump."""


def schedule_warnings(peak: float, steps: int, config: ScheduleConfig) -> list[str]:
    """Return what is odd about a schedule for a run of `steps`; `peak` is --optim.lr.

    >>> schedule_warnings(1e-3, 1_000, ScheduleConfig(warmup_steps=100))
    []
    """
    last = learning_rate(steps, peak, steps, config)
    if config.warmup > steps:
        return [
            f"--schedule.warmup-steps {config.warmup:,} is more than the {steps:,} steps of "
            f"the run: the learning rate ends at {last:.1e} and never reaches --optim.lr {peak:g}"
        ]
    found: list[str] = []
    if config.warmup > WARMUP_FRACTION * steps:
        found.append(
            f"--schedule.warmup-steps {config.warmup:,}: most of the {steps:,} steps of the "
            "run are warm-up"
        )
    end = config.decay_steps if config.kind in {"cosine", "linear", "wsd"} else None
    if end is not None and end > steps:
        found.append(
            f"--schedule.decay-steps {end:,} is beyond the last step, {steps:,}: the learning rate "
            f"ends at {last:.1e}, not at {peak * config.final_lr_fraction:.1e}"
        )
    elif end is not None and end < steps:
        found.append(
            f"--schedule.decay-steps {end:,}: the learning rate stays at {last:.1e} for the "
            f"{steps - end:,} steps after it"
        )
    return found


def schedule_jump(
    step: int, before: int, peak: float, steps: int, config: ScheduleConfig
) -> list[str]:
    """Return a warning if a run that resumes after `step` gets another learning rate there.

    Args:
        step: the last one that was trained.
        before: the steps of the run until now.
        peak: --optim.lr.
        steps: its steps from now on.
        config: the schedule.

    """
    if step == 0:
        return []
    old, new = (learning_rate(step, peak, total, config) for total in (before, steps))
    if max(old, new) <= JUMP * min(old, new):
        return []
    following = learning_rate(step + 1, peak, steps, config)
    return [
        f"the {config.kind} schedule depends on the number of steps: from {before:,} to {steps:,} "
        f"steps, the learning rate goes from {old:.1e} at step {step:,} to {following:.1e} at step "
        f"{step + 1:,}. A run that may grow is best started with --schedule.decay-steps, or with "
        "--schedule.kind wsd or constant"
    ]
