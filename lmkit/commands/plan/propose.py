"""From data and a budget to a proposal.

measure    the speed of a small model, and of the one that is best by published constants
pilot      short runs on the data, if there is time for them
calibrate  the law by these and by earlier runs
choose     the size, and measure it, too
"""

import math
import statistics
from collections.abc import Sequence

from lmkit.commands.plan.explanations import (
    COVERED,
    next_command,
    repetition_text,
    rests_on,
    vocabulary_text,
)
from lmkit.commands.plan.finished_runs import FinishedRun
from lmkit.commands.plan.options import BUDGETS
from lmkit.commands.plan.pilot_runs import PilotSizes, pilot_sizes, train_pilots
from lmkit.commands.plan.planned_runs import PlannedRuns
from lmkit.commands.plan.proposal import Proposal, SizeRow
from lmkit.commands.plan.size_choice import Size, Sizes
from lmkit.errors import ConfigError, InputError
from lmkit.execution.progress import warn
from lmkit.training.planning.batch_rule import batch_tokens
from lmkit.training.planning.law_calibration import CalibratedLaw
from lmkit.training.planning.model_sizes import model_sizes
from lmkit.training.precision import find_device

FIRST_PARAMETERS = {"cpu": 5e6}
"""Of the model whose speed is measured first; on other devices a hundred million."""
PILOT_FRACTION, MOST_PILOT_SECONDS = 0.1, 3600.0
"""Of the run's time, for pilot runs."""
SLOWEST, FASTEST = 0.6, 1.1
"""Speed of a run over that of a trial, beyond which the difference is another program's."""


def propose(runs: PlannedRuns, earlier: Sequence[FinishedRun]) -> Proposal:
    """Return the best run that the budget is enough for."""
    data = runs.data
    every: list[Size] = [None] if runs.has_typed_size else list(model_sizes())
    sizes = Sizes(runs, every)
    sizes.measure(sizes.nearest(FIRST_PARAMETERS.get(find_device(runs.config.device).type, 1e8)))
    _refuse_less_than_a_step(sizes)
    guess = sizes.published_best()
    sizes.measure(guess)
    guess = sizes.published_best()
    pilots = _pilots(sizes, guess)
    observations = [run.observation for run in (*pilots, *earlier)]
    objective = runs.options(guess, 1.0, runs.scratch).objective
    law = CalibratedLaw(
        observations,
        center=(float(runs.parameters(guess)), data.effective(sizes.positions(guess))),
        bytes_per_token=data.bytes_per_token,
        vocabulary_size=data.vocabulary_size,
        is_covered=objective == COVERED,
    )
    while (best := sizes.best(law)) not in sizes.measured:
        sizes.measure(best)  # which may make it slower than another one
    is_predicted = objective == COVERED or bool(observations)
    trusted = law if is_predicted else None
    rows = {
        size: _row(sizes, size, trusted)
        for size in sizes.around(best)
        if size == best or sizes.fits(size)
    }
    return _proposal(sizes, best, rows, pilots, earlier)


def _refuse_less_than_a_step(sizes: Sizes) -> None:
    """Raise ConfigError where the budget isn't enough for a batch of the smallest model."""
    config, positions = sizes.runs.config, sizes.positions(sizes.every[0])
    batch = batch_tokens(positions, sizes.runs.data.sequence_length)
    if positions < batch:
        name = next(name for name in BUDGETS if getattr(config, name) is not None)
        raise ConfigError(
            f"--{name}: got {getattr(config, name):g}, which is about {positions:,.0f} tokens, and "
            f"a single step has {batch:,}",
            "give more: a run that shows anything has hundreds of steps",
        )


def _pilots(sizes: Sizes, chosen: Size) -> list[FinishedRun]:
    """Train pilot runs, if they were asked for, and learn from them how fast runs are."""
    runs = sizes.runs
    minutes = runs.config.pilot_minutes
    if minutes is None:
        return []
    if not runs.data.held_out_sequences:
        problem = "there are no held-out sequences to measure a loss on"
        hint = "pack with --validation 0.005"
        if minutes != "auto":
            raise InputError(f"--pilot-minutes: {problem}", hint)
        warn(f"no pilot runs: {problem} ({hint})")
        return []
    positions = sizes.positions(chosen)
    of_run = PILOT_FRACTION * sizes.seconds(chosen, positions)
    seconds = min(of_run, MOST_PILOT_SECONDS) if minutes == "auto" else 60 * minutes
    small, large = sizes.for_pilots(chosen)

    def alone(size: Size) -> float:
        fast = sizes.speed(size) / runs.config.processes
        trial = runs.forecast(size, min(positions, seconds * fast / 2), compile="no")
        return trial.tokens_per_second or fast

    def planned() -> PilotSizes:
        speeds = {size: alone(size) for size in (small, large)}
        return pilot_sizes(seconds, small, large, speeds.__getitem__, positions)

    pilots = train_pilots(runs, planned, positions)
    _learn_speed(sizes, large, pilots)
    return pilots


def _learn_speed(sizes: Sizes, large: Size, pilots: Sequence[FinishedRun]) -> None:
    """Compare the speed of a pilot run, which isn't compiled, with that of a trial."""
    runs = sizes.runs
    # Of a resumed plan, that measures other speeds, there may be none.
    same_size = [run for run in pilots if run.parameters == runs.parameters(large)]
    if same_size:
        run = same_size[-1]
        trial = runs.forecast(large, float(run.tokens), compile="no")
        if trial.tokens_per_second:
            found = run.tokens_per_second / runs.data.density
            sizes.sustained = min(FASTEST, max(SLOWEST, found / trial.tokens_per_second))
    once = [
        run.seconds
        - run.training_seconds
        - sizes.validation_seconds(run.tokens_per_second / runs.data.density)
        for run in pilots
    ]
    sizes.start_seconds = max(0.0, statistics.median(once))


def _row(sizes: Sizes, size: Size, law: CalibratedLaw | None) -> SizeRow:
    """Return a size with the run that the budget is enough for."""
    runs, data = sizes.runs, sizes.runs.data
    wanted = sizes.positions(size)
    steps, batch = runs.steps(wanted), batch_tokens(wanted, data.sequence_length)
    positions, model = steps * batch, runs.model(size)
    parameters = runs.parameters(size)
    predicted = law and law.predict(
        parameters, data.effective(positions), data.other_effective(positions)
    )
    return SizeRow(
        layers=model.layers,
        hidden_size=model.hidden_size,
        heads=model.heads,
        parameters=parameters,
        vocabulary_parameters=runs.vocabulary_parameters(size),
        steps=steps,
        batch_tokens=batch,
        tokens=positions,
        epochs=round(data.epochs(positions), 4),
        loss=predicted and predicted.loss,
        low=predicted and predicted.low,
        high=predicted and predicted.high,
        pauses=sizes.pauses(size, positions / sizes.speed(size)),
        seconds=sizes.seconds(size, positions),
        memory=runs.memory(size, next(iter(sizes.measured.values())), batch),
        tokens_per_second=sizes.speed(size),
        flops=positions * runs.flops_per_position(size),
        is_measured=size in sizes.measured,
    )


def _proposal(
    sizes: Sizes,
    best: Size,
    rows: dict[Size, SizeRow],
    pilots: Sequence[FinishedRun],
    earlier: Sequence[FinishedRun],
) -> Proposal:
    runs, row, forecast = sizes.runs, rows[best], sizes.measure(best)
    config, data = runs.config, runs.data
    options = runs.options(best, float(row.tokens), runs.scratch)
    is_text = options.objective == COVERED and row.loss is not None
    bits = row.loss / math.log(2) / data.bytes_per_token if is_text and row.loss else None
    return Proposal(
        chosen=row,
        sizes=tuple(rows.values()),
        objective=options.objective,
        architecture=options.model.architecture,
        data=f"{data.tokens:,} tokens in sequences of {data.sequence_length:,}, "
        f"{data.bytes_per_token:.2f} bytes per token",
        vocabulary=vocabulary_text(row, data.vocabulary_size),
        repetition=repetition_text(row, data),
        learning_rate=f"{runs.learning_rate(best, row.steps, row.batch_tokens):g}, as pretrain "
        f"has it, with {options.optim.algorithm}",
        bits_per_byte=bits,
        device=f"{forecast.device} in {forecast.precision}"
        + (", compiled" if forecast.compiled else ""),
        free_memory=forecast.memory_there,
        processes=config.processes,
        cost=None if config.price is None else config.price * row.seconds / 3600,
        pilots=tuple(pilots),
        earlier=tuple(earlier),
        rests_on=rests_on(row, runs, pilots, earlier),
        command=next_command(config),
    )
