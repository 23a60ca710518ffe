from lmkit.commands.pretrain.batch_plan import (
    batch_size,
    batch_sizes,
    sequences_per_batch,
    with_values,
)
from lmkit.training.checkpoints.overrides import EarlierOptions
from lmkit.training.data.batch_sizes import BatchSize
from tests.commands.pretrain.test_resolve import options


def test_a_batch_holds_whole_sequences_and_at_least_one() -> None:
    assert sequences_per_batch(options(batch_tokens=1000), 300) == 3
    assert sequences_per_batch(options(batch_tokens=10), 300) == 1


def test_a_batch_is_rounded_to_whole_sequences_and_may_rise_to_its_size() -> None:
    assert batch_size(options(batch_tokens=1000), 300) == BatchSize.constant(3)
    assert batch_size(options(batch_tokens=10), 300) == BatchSize.constant(1)
    ramp = {"batch_tokens": 500, "steps": 7}
    assert batch_size(options(batch_tokens=1000, ramp=ramp), 100) == BatchSize(10, 5, 7)


def test_values_replace_those_of_options_and_of_groups() -> None:
    changed = with_values(options(seed=3), {"optim.lr": 0.5, "batch_tokens": 64})
    assert (changed.optim.lr, changed.batch_tokens, changed.seed) == (0.5, 64, 3)
    assert changed.optim.beta1 == options().optim.beta1


def test_earlier_batches_have_the_size_of_then() -> None:
    values: dict[str, str | int | float | None] = {
        **{"optim.lr": 1e-3, "batch_tokens": 200, "schedule.kind": "cosine"},
        **{"schedule.warmup_steps": 2, "schedule.decay_steps": None},
        **{"schedule.decay_fraction": 0.2, "schedule.final_lr_fraction": 0.1},
    }
    earlier = EarlierOptions(last_step=4, last_batch=5, options=values)
    sizes = batch_sizes(options(batch_tokens=1000), 100, [earlier])
    assert [sizes.at(number) for number in (1, 5, 6)] == [2, 2, 10]
