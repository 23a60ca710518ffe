"""What a model is told: its options, resolved and checked before any weight is made.

Choices:
- Nothing here imports torch, since `lmkit pretrain --help` reads it.
- A preset and a shape option that disagree are refused, never merged: a model that is called
  llama-120m has llama-120m's shape.
- After validation every shape is a number. The resolved object, written as JSON, is itself valid
  input, so that a run can record it and read it back.
"""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, model_validator

from lmkit.config import Group
from lmkit.model.presets import PRESETS, Shape

FFN_MULTIPLE = 64  # matrix units work on tiles, and a ragged edge costs a whole one


class ModelConfig(Group):
    """The shape of a model and the parts it is built from."""

    preset: Literal["tiny-decoder", "llama-15m", "llama-120m", "llama-1b"] | None = None
    """A shape known by name; none: the options below describe the model."""

    architecture: Literal["decoder"] = "decoder"
    """Which way the model reads: a decoder reads from left to right and predicts what follows."""

    position: Literal["rotary"] = "rotary"
    """How the model knows the order of tokens: rotary turns queries and keys by their place."""

    layers: Annotated[int, Field(ge=1)] = 6
    """Blocks of attention and feed-forward, one after the other."""

    hidden_size: Annotated[int, Field(ge=1)] = 384
    """Numbers that stand for one token between the blocks."""

    heads: Annotated[int, Field(ge=1)] = 6
    """Attention heads in each block; they share out the hidden size."""

    kv_heads: Annotated[int, Field(ge=1)] | None = None
    """Heads that hold keys and values, each shared by several query heads; none: one for each."""

    ffn_size: Annotated[int, Field(ge=1)] | None = None
    """Width inside the feed-forward part; none: 8/3 of the hidden size, up to a multiple of 64."""

    rotary_base: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 10_000.0
    """How slowly the slowest pair of rotary positions turns; more suits longer texts."""

    norm_eps: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    """Small number that keeps the normalization from dividing by zero."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of activations set to zero while training; helps where the text is read many times."""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = cast(dict[str, Any], values)
        preset = given.get("preset")
        if not isinstance(preset, str) or preset not in PRESETS:
            return given  # none at all, or the field's own check will say what the names are
        return PRESETS[preset]._asdict() | given

    @model_validator(mode="after")
    def _resolve_and_check(self) -> Self:
        shape = self.shape
        for name, number in shape._asdict().items():
            object.__setattr__(self, name, number)  # frozen, but for this one moment
        if self.preset is not None:
            for name, wanted in PRESETS[self.preset]._asdict().items():
                if (got := getattr(shape, name)) != wanted:
                    raise ValueError(
                        f"--model.{name.replace('_', '-')}: got {got}, but "
                        f"--model.preset {self.preset} has {wanted}; leave one of the two out"
                    )
        if shape.hidden_size % shape.heads:
            raise ValueError(
                f"--model.hidden-size: got {shape.hidden_size}, must be a multiple of "
                f"--model.heads, which is {shape.heads}"
            )
        if self.head_width % 2:
            raise ValueError(
                f"--model.heads: got {shape.heads} heads that are {self.head_width} wide "
                f"({shape.hidden_size} / {shape.heads}); rotary positions turn pairs, so that "
                "--model.hidden-size / --model.heads must be even"
            )
        if shape.heads % shape.kv_heads:
            raise ValueError(
                f"--model.kv-heads: got {shape.kv_heads}, must divide --model.heads, "
                f"which is {shape.heads}"
            )
        return self

    @property
    def shape(self) -> Shape:
        """Every number of the shape, with what was left open filled in."""
        return Shape(
            layers=self.layers,
            hidden_size=self.hidden_size,
            heads=self.heads,
            kv_heads=self.kv_heads or self.heads,
            ffn_size=self.ffn_size or _balanced_ffn(self.hidden_size),
        )

    @property
    def head_width(self) -> int:
        """Numbers in one head's query, key or value."""
        return self.hidden_size // self.heads

    def parameters(self, vocabulary_size: int) -> int:
        """Count the trained numbers; the tied embedding counts once.

        >>> ModelConfig(layers=1, hidden_size=4, heads=2, ffn_size=8).parameters(10)
        212
        """
        shape = self.shape
        width = shape.hidden_size
        query_and_output = 2 * width * width
        key_and_value = 2 * width * shape.kv_heads * self.head_width
        feed_forward = 3 * width * shape.ffn_size
        block = query_and_output + key_and_value + feed_forward + 2 * width
        return vocabulary_size * width + shape.layers * block + width


def _balanced_ffn(hidden_size: int) -> int:
    """Return the width at which three matrices cost what two did at four times the hidden size.

    From section 2 of Shazeer (2020, arXiv 2002.05202).

    >>> _balanced_ffn(384)
    1024
    """
    return -(-hidden_size * 8 // (3 * FFN_MULTIPLE)) * FFN_MULTIPLE
