"""The names of weights in lmkit and in Transformers.

Choices:
- A rule is written once and used in both directions, so that a round trip preserves every bit.
- A rule concatenates some of lmkit's matrices, may interleave them by heads, may transpose the
  result, and may reshape it. Nothing is computed: numbers are only put in another order.
- A rule without lmkit names stands for weights that lmkit's models don't have. They are written as
  zeros, which have no effect.
- Nothing here needs torch: `lmkit inspect` reads folders without it. `weight_conversion` applies
  the rules.
"""

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple


class Rule(NamedTuple):
    """How a tensor of Transformers is made from lmkit's."""

    lmkit_names: tuple[str, ...]
    """Concatenated along their first axis."""
    hf_name: str
    transposed: bool = False
    """Whether Transformers stores a matrix as inputs x outputs."""
    shape: tuple[int, ...] | None = None
    """Transformers' shape, where it isn't that of the concatenated and transposed tensor."""
    interleaved: int | None = None
    """Heads of the matrices, where Transformers stores all of them head by head."""


def hf_shape(rule: Rule, shapes: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return the shape that Transformers' tensor must have."""
    if rule.shape is not None:
        return rule.shape
    full_shape = fused_shape(rule, shapes)
    return full_shape[::-1] if rule.transposed else full_shape


def fused_shape(rule: Rule, shapes: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return the shape of lmkit's concatenated tensors."""
    first, *rest = shapes[rule.lmkit_names[0]]
    return (first + sum(shapes[name][0] for name in rule.lmkit_names[1:]), *rest)


def layer(
    lmkit_names: str, hf_name: str, known: Container[str], *, transposed: bool = False
) -> list[Rule]:
    """Return the rules of a layer's weight and bias, of which either may be absent.

    >>> [rule.hf_name for rule in layer("norm", "ln_f", {"norm.weight"})]
    ['ln_f.weight']
    """
    return fused_layer([lmkit_names], hf_name, known, transposed=transposed)


def fused_layer(
    lmkit_names: Sequence[str],
    hf_name: str,
    known: Container[str],
    *,
    transposed: bool = False,
    interleaved: int | None = None,
) -> list[Rule]:
    """Return the rules of a Transformers layer that fuses several of lmkit's."""
    return [
        Rule(names, f"{hf_name}.{part}", transposed and part == "weight", interleaved=interleaved)
        for part in ("weight", "bias")
        for names in [tuple(f"{one}.{part}" for one in lmkit_names)]
        if names[0] in known
    ]


def layers(
    table: Mapping[str, str],
    prefix: str,
    hf_prefix: str,
    known: Container[str],
    *,
    transposed: bool = False,
) -> list[Rule]:
    """Return the rules of a table of layers, with a prefix for each side."""
    return [
        rule
        for one, other in table.items()
        for rule in layer(prefix + one, hf_prefix + other, known, transposed=transposed)
    ]
