"""Slower rotary positions, for contexts longer than those that a model was trained on.

    linear  all frequencies divided by the factor (Chen et al. 2023, arXiv 2306.15595)
    yarn    pairs of channels that rotate often within the original length stay as they are, those
            that rotate less than once are divided, with a linear ramp over the pairs between; and
            scores are multiplied by a factor (Peng et al. 2023, arXiv 2309.00071, sections 3.2
            to 3.4)
    llama3  the same idea with a ramp over the rotations, and no factor of the scores (the code of
            Llama 3.1, of which Grattafiori et al. 2024, arXiv 2407.21783, only give the base)

Values are those of Transformers' ROPE_INIT_FUNCTIONS (5.24). Its `truncate` is rotary-whole-pairs.

Shapes: P pairs of channels.
"""

import math

import torch
from torch import Tensor

from lmkit.model.options import ModelConfig


def scaled_frequencies(
    config: ModelConfig, frequencies_P: Tensor, base: float
) -> tuple[Tensor, float]:
    """Return the angle of a step for each pair, and the factor of cosines and sines.

    >>> config = ModelConfig(rotary_scaling="linear", rotary_factor=4.0)
    >>> scaled_frequencies(config, torch.tensor([1.0, 0.1]), 100.0)
    (tensor([0.2500, 0.0250]), 1.0)
    """
    if config.rotary_scaling is None:
        return frequencies_P, 1.0
    assert config.rotary_factor is not None
    slowed_P = frequencies_P / config.rotary_factor
    if config.rotary_scaling == "linear":
        return slowed_P, 1.0
    if config.rotary_scaling == "llama3":
        kept_P = _kept_by_rotations(config, frequencies_P)
        return torch.lerp(slowed_P, frequencies_P, kept_P), 1.0
    kept_P = _kept_by_pairs(config, frequencies_P, base)
    factor = config.rotary_attention_factor or default_attention_factor(config.rotary_factor)
    return torch.lerp(slowed_P, frequencies_P, kept_P), factor


def default_attention_factor(factor: float) -> float:
    """Return YaRN's factor of queries and keys: the root of its temperature's inverse.

    >>> round(default_attention_factor(4.0), 4)
    1.1386
    """
    return 0.1 * math.log(factor) + 1.0


def _kept_by_rotations(config: ModelConfig, frequencies_P: Tensor) -> Tensor:
    """Return how much of each frequency is kept, from its rotations in the original length."""
    assert config.rotary_original_length is not None
    slow, fast = config.rotary_rotations
    rotations_P = config.rotary_original_length * frequencies_P / (2 * math.pi)
    return ((rotations_P - slow) / (fast - slow)).clamp(0, 1)


def _kept_by_pairs(config: ModelConfig, frequencies_P: Tensor, base: float) -> Tensor:
    """Return how much of each frequency is kept, from the number of its pair."""
    original_length = config.rotary_original_length
    assert original_length is not None
    slow, fast = config.rotary_rotations
    channels = config.rotary_dim

    def pair_with(rotations: float) -> float:
        ratio = original_length / (rotations * 2 * math.pi)
        return channels * math.log(ratio) / (2 * math.log(base))

    first, last = pair_with(fast), pair_with(slow)
    if config.rotary_whole_pairs:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, channels - 1)
    if first == last:
        last += 0.001  # as in Transformers: a step instead of a ramp
    pairs_P = torch.arange(
        len(frequencies_P), device=frequencies_P.device, dtype=frequencies_P.dtype
    )
    return 1 - ((pairs_P - first) / (last - first)).clamp(0, 1)
