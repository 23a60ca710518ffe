"""From options and a tokenizer to a function that makes batches.

Choices:
- An objective is a function of sequences and of the keys of their random numbers. So a batch is the
  same for any number of processes, in any order, and after resuming.
- Special tokens that a tokenizer doesn't have are reported before any work.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import InputError
from lmkit.objectives import fill_in_the_middle as fim
from lmkit.objectives import span_corruption as spans
from lmkit.objectives.batch import Batch
from lmkit.objectives.clm import clm
from lmkit.objectives.mlm import mlm
from lmkit.objectives.options import ObjectiveConfig
from lmkit.objectives.plm import plm
from lmkit.packing.token_rows import SequenceBatch
from lmkit.tokenizers.special_tokens import FILL_IN_THE_MIDDLE
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.word_boundaries import WordBoundaries

Objective = Callable[[SequenceBatch, NDArray[np.uint64]], Batch]
"""Sequences and the keys of their random numbers in, a batch out."""


@dataclass(frozen=True)
class Packing:
    """How documents were packed into sequences."""

    sequence_length: int
    bos: int | None
    eos: int | None
    """Ids added around each document; None where there was none."""


def objective_of(config: ObjectiveConfig, tokenizer: Tokenizer, packing: Packing) -> Objective:
    """Return the function that makes batches; InputError where a special token is missing."""
    if config.objective == "clm":
        return _fill_in_the_middle(config, tokenizer, packing) if config.fim.rate else clm
    if config.objective == "span-corruption":
        return _span_corruption(config, tokenizer, packing)
    is_ordinary_V = ordinary(tokenizer)
    if config.objective == "plm":
        words, options = WordBoundaries.of(tokenizer), config.plm
        return lambda rows, keys_B: plm(
            rows, keys_B, is_ordinary_V, words, options.context, options.block
        )
    mask = _required_token(tokenizer.mask, "a mask token", config)
    words = WordBoundaries.of(tokenizer) if config.mlm.whole_word else None
    probability = config.mlm.probability
    return lambda rows, keys_B: mlm(rows, keys_B, mask, is_ordinary_V, probability, words)


def scored(config: ObjectiveConfig) -> ObjectiveConfig:
    """Return the objective of evaluation: for clm, the unchanged text."""
    return config.model_copy(update={"fim": type(config.fim)()})


def positions_needed(config: ObjectiveConfig, sequence_length: int) -> int:
    """Return the maximum length of a document in a batch.

    >>> bart = {"objective": "span-corruption", "span": {"style": "bart"}}
    >>> positions_needed(ObjectiveConfig(), 512)
    512
    >>> positions_needed(ObjectiveConfig.model_validate(bart), 512)
    513
    """
    if config.objective != "span-corruption":
        return sequence_length
    span = config.span
    return max(
        spans.lengths(
            sequence_length, span.resolved_noise_density, span.mean_span_length, span.style
        )
    )


def ordinary(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Return for each id whether it is a token, but not a special one."""
    names = [tokenizer.text_of(number) for number in range(tokenizer.size)]
    is_ordinary_V = np.array([name is not None for name in names])
    is_ordinary_V[tokenizer.special] = False
    t = tokenizer  # an imported one may have roles for tokens that it doesn't mark as special
    roles = (t.pad, t.unknown, t.bos, t.eos, t.mask, t.class_, t.separator)
    is_ordinary_V[[token for token in roles if token is not None]] = False
    return is_ordinary_V


def _fill_in_the_middle(
    config: ObjectiveConfig, tokenizer: Tokenizer, packing: Packing
) -> Objective:
    ids = [
        _required_token(tokenizer.id_of(t), f"the token {t}", config) for t in FILL_IN_THE_MIDDLE
    ]
    if packing.eos is None:
        raise InputError(
            "--fim.rate: the sequences were packed without an EOS token, so a model could not "
            "predict where a middle ends",
            "pack the documents again with --eos, or give --fim.rate 0",
        )
    prefix, middle, suffix = ids
    pad = cast(int, tokenizer.pad)
    special = fim.Marks(prefix, middle, suffix, packing.bos, packing.eos, pad)
    rate, spm_rate = config.fim.rate, config.fim.spm_rate

    def make_batch(rows: SequenceBatch, keys_B: NDArray[np.uint64]) -> Batch:
        permuted, dropped = fim.fill_in_the_middle(rows, keys_B, special, rate, spm_rate)
        return replace(clm(permuted), dropped=dropped)

    return make_batch


def _span_corruption(config: ObjectiveConfig, tokenizer: Tokenizer, packing: Packing) -> Objective:
    options, length = config.span, packing.sequence_length
    end = _required_token(tokenizer.eos, "an EOS token", config)
    if options.style == "bart":
        _required_token(tokenizer.mask, "a mask token", config)
    else:
        needed = spans.sentinels_needed(
            length, options.resolved_noise_density, options.mean_span_length
        )
        if (sentinels := len(tokenizer.sentinels)) < needed:
            raise InputError(
                f"--objective span-corruption: sequences of {length:,} tokens have up to "
                f"{needed:,} masked spans, and the tokenizer has {sentinels:,} sentinels "
                "(<extra_id_0>, <extra_id_1>, ...)",
                "pack shorter sequences, raise --span.mean-span-length, or make a tokenizer with "
                "lmkit train-tokenizer --sentinels N",
            )
    pad = cast(int, tokenizer.pad)
    bos_eos = tuple(token for token in (packing.bos, packing.eos) if token is not None)
    special = spans.Marks(tokenizer.sentinels, tokenizer.mask, bos_eos, end, pad)
    return lambda rows, keys_B: spans.span_corruption(
        rows,
        keys_B,
        special,
        options.resolved_noise_density,
        options.mean_span_length,
        options.style,
    )


def _required_token(token: int | None, what: str, config: ObjectiveConfig) -> int:
    if token is None:
        name = f"--objective {config.objective}" if not config.fim.rate else "--fim.rate"
        raise InputError(
            f"{name} needs {what}, and the tokenizer has none",
            "pack with a tokenizer that has one, such as one made by lmkit train-tokenizer",
        )
    return token
