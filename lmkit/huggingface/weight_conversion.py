"""Weights under Transformers' names and under lmkit's, by the rules of a family.

Shapes are read from a model that is made without memory, on torch's meta device.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from lmkit.huggingface.family import Family
from lmkit.huggingface.registry import rules_of
from lmkit.huggingface.weight_names import Rule, fused_shape
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer


def shapes_of(config: ModelConfig, vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight of a model."""
    with torch.device("meta"):
        model = Transformer(config, vocabulary_size)
    return {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}


def hf_weights(
    family: Family, config: ModelConfig, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return a model's weights under Transformers' names."""
    return to_hf(rules_of(family, config, weights), weights)


def to_hf(rules: Iterable[Rule], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights as Transformers stores them.

    >>> rule = Rule(("q", "k"), "qk", transposed=True)
    >>> to_hf([rule], {"q": torch.tensor([[1, 2]]), "k": torch.tensor([[3, 4]])})
    {'qk': tensor([[1, 3],
            [2, 4]])}
    """
    return {rule.hf_name: _fused(rule, weights).contiguous() for rule in rules}


def to_lmkit(
    rules: Iterable[Rule], weights: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """Return the weights under lmkit's names; `shapes` are lmkit's.

    >>> rule, shapes = Rule(("q", "k"), "qk", transposed=True), {"q": (1, 2), "k": (1, 2)}
    >>> to_lmkit([rule], {"qk": torch.tensor([[1, 3], [2, 4]])}, shapes)
    {'q': tensor([[1, 2]]), 'k': tensor([[3, 4]])}
    """
    weights_by_name: dict[str, Tensor] = {}
    for rule in rules:
        if not rule.lmkit_names:
            continue
        full_shape = fused_shape(rule, shapes)
        tensor = weights[rule.hf_name].reshape(full_shape[::-1] if rule.transposed else full_shape)
        tensor = tensor.t() if rule.transposed else tensor
        if rule.interleaved:
            tensor = _regrouped(tensor, rule.interleaved, len(rule.lmkit_names))
        parts = tensor.split([shapes[name][0] for name in rule.lmkit_names])
        weights_by_name |= {
            name: part.contiguous() for name, part in zip(rule.lmkit_names, parts, strict=True)
        }
    return weights_by_name


def _fused(rule: Rule, weights: Mapping[str, Tensor]) -> Tensor:
    if not rule.lmkit_names:
        assert rule.shape is not None
        return torch.zeros(rule.shape, dtype=next(iter(weights.values())).dtype)
    tensor = torch.cat([weights[name] for name in rule.lmkit_names])
    if rule.interleaved:
        tensor = _regrouped(tensor, len(rule.lmkit_names), rule.interleaved)
    tensor = tensor.t() if rule.transposed else tensor
    return tensor if rule.shape is None else tensor.reshape(rule.shape)


def _regrouped(tensor: Tensor, outer: int, inner: int) -> Tensor:
    """Return rows that lie in `outer` groups of `inner` parts as `inner` groups of `outer` parts.

    >>> _regrouped(torch.tensor([1, 2, 3, 4]), 2, 2)
    tensor([1, 3, 2, 4])
    """
    return tensor.unflatten(0, (outer, inner, -1)).transpose(0, 1).flatten(0, 2)
