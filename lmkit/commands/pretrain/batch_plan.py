"""The batches of a run: their sizes, from its options now, and from those of earlier steps.

Choice: options of earlier steps are those of the run with some values replaced, so a size is
computed from options in one way only.
"""

from collections.abc import Mapping, Sequence

from lmkit.artifacts.manifest import flat
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.errors import ConfigError
from lmkit.training.checkpoints.overrides import EarlierOptions, earlier_options
from lmkit.training.checkpoints.resolved_values import known_earlier
from lmkit.training.data.batch_sizes import BatchSize, BatchSizes


def sequences_per_batch(config: PretrainConfig, sequence_length: int) -> int:
    """Return the sequences of a global batch: --batch-tokens, rounded to whole sequences."""
    return max(1, round(config.batch_tokens / sequence_length))


def batch_sizes(
    config: PretrainConfig, sequence_length: int, earlier: Sequence[EarlierOptions]
) -> BatchSizes:
    """Return how many sequences each batch of a run has."""
    return BatchSizes(
        batch_size(config, sequence_length),
        [
            (each.last_batch, batch_size(with_values(config, each.options), sequence_length))
            for each in earlier
        ],
    )


def batch_size(config: PretrainConfig, sequence_length: int) -> BatchSize:
    """Return how many sequences each batch has with these options."""
    rows, ramp = sequences_per_batch(config, sequence_length), config.ramp
    if ramp.batch_tokens is None or ramp.steps is None:
        return BatchSize.constant(rows)
    return BatchSize(rows, max(1, round(ramp.batch_tokens / sequence_length)), ramp.steps)


def with_values(config: PretrainConfig, values: Mapping[str, object]) -> PretrainConfig:
    """Return the options with these values, by their keys."""
    found = config
    for key, value in values.items():
        group, _, name = key.rpartition(".")
        changed = getattr(found, group).model_copy(update={name: value}) if group else value
        found = found.model_copy(update={group or name: changed})
    return found


def overridden(config: PretrainConfig) -> tuple[EarlierOptions, ...]:
    """Return the options of the run's steps until now, where --override changes them."""
    if config.overwrite:
        if config.override:
            raise ConfigError(
                f"--override {config.override[0]}: got --overwrite too, which starts over",
                "leave one of them out",
            )
        return ()
    known, now = known_earlier(config.output), flat(config.model_dump(mode="json"))
    return earlier_options(config.output, known, now, set(config.override))
