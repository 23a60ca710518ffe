"""Weights under another library's names, there and back.

Choices:
- A rule is written once and read both ways, so what was exported comes back to the bit.
- A rule joins some of our matrices, may turn the result, and may give it another shape. Nothing is
  computed: numbers are only put in another order.
- A rule without any of ours stands for weights that our models don't have. They are written as
  zeros, with which they do nothing.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Rule(NamedTuple):
    """How one of their tensors is made from ours."""

    ours: tuple[str, ...]
    """Joined along their first axis."""
    theirs: str
    turned: bool = False
    """Whether they store a matrix as inputs x outputs."""
    shape: tuple[int, ...] | None = None
    """Theirs, where it isn't that of ours, joined and turned."""


def to_hf(rules: Iterable[Rule], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights as the other library stores them.

    >>> rule = Rule(("q", "k"), "qk", turned=True)
    >>> to_hf([rule], {"q": torch.tensor([[1, 2]]), "k": torch.tensor([[3, 4]])})
    {'qk': tensor([[1, 3],
            [2, 4]])}
    """
    return {rule.theirs: _joined(rule, weights).contiguous() for rule in rules}


def to_lmkit(
    rules: Iterable[Rule], weights: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """Return the weights under our names; `shapes` says what ours look like.

    >>> rule, shapes = Rule(("q", "k"), "qk", turned=True), {"q": (1, 2), "k": (1, 2)}
    >>> to_lmkit([rule], {"qk": torch.tensor([[1, 3], [2, 4]])}, shapes)
    {'q': tensor([[1, 2]]), 'k': tensor([[3, 4]])}
    """
    found: dict[str, Tensor] = {}
    for rule in rules:
        if not rule.ours:
            continue
        whole = joined_shape(rule, shapes)
        tensor = weights[rule.theirs].reshape(whole[::-1] if rule.turned else whole)
        tensor = tensor.t() if rule.turned else tensor
        parts = tensor.split([shapes[name][0] for name in rule.ours])
        found |= {name: part.contiguous() for name, part in zip(rule.ours, parts, strict=True)}
    return found


def hf_shape(rule: Rule, shapes: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return the shape that their tensor must have."""
    if rule.shape is not None:
        return rule.shape
    whole = joined_shape(rule, shapes)
    return whole[::-1] if rule.turned else whole


def joined_shape(rule: Rule, shapes: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return the shape of our tensors, joined."""
    first, *rest = shapes[rule.ours[0]]
    return (first + sum(shapes[name][0] for name in rule.ours[1:]), *rest)


def layer(ours: str, theirs: str, known: Container[str], *, turned: bool = False) -> list[Rule]:
    """Return the rules of a layer's weight and bias, of which either may not be there.

    >>> [rule.theirs for rule in layer("norm", "ln_f", {"norm.weight"})]
    ['ln_f.weight']
    """
    return joined([ours], theirs, known, turned=turned)


def joined(
    ours: Sequence[str], theirs: str, known: Container[str], *, turned: bool = False
) -> list[Rule]:
    """Return the rules of one of their layers that does what several of ours do."""
    return [
        Rule(names, f"{theirs}.{part}", turned and part == "weight")
        for part in ("weight", "bias")
        for names in [tuple(f"{one}.{part}" for one in ours)]
        if names[0] in known
    ]


def layers(
    table: Mapping[str, str], at: str, to: str, known: Container[str], *, turned: bool = False
) -> list[Rule]:
    """Return the rules of a table of layers, below a place of ours and one of theirs."""
    return [
        rule
        for one, other in table.items()
        for rule in layer(at + one, to + other, known, turned=turned)
    ]


def _joined(rule: Rule, weights: Mapping[str, Tensor]) -> Tensor:
    if not rule.ours:
        assert rule.shape is not None
        return torch.zeros(rule.shape, dtype=next(iter(weights.values())).dtype)
    tensor = torch.cat([weights[name] for name in rule.ours])
    tensor = tensor.t() if rule.turned else tensor
    return tensor if rule.shape is None else tensor.reshape(rule.shape)
