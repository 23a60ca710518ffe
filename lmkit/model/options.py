"""Model options, resolved and checked before any weight is allocated.

Choices:
- Nothing here imports torch, since `lmkit pretrain --help` imports it. The fields themselves are in
  `option_fields`.
- An option overrides what a preset has (`presets.starting_values`). The resolved options record
  both, and `preset_changes` names what differs: a run prints it, since a model that is called
  bert-base otherwise has bert-base's shape and components.
- After validation every dimension is a number. The resolved object, written as JSON, is itself
  valid input, so that a run can record it and read it back.
- What follows from other options isn't an option: whether scores are scaled, an encoder's head,
  which layers have biases. The properties below define it, with the model that it comes from.
- What a position encoding needs and excludes is in its entry in `positions.registry`.
"""

import math
from typing import Any, Self, cast

from pydantic import model_validator

from lmkit.model.option_fields import ModelOptions
from lmkit.model.positions.registry import POSITIONS, SCALING_OPTIONS, Position
from lmkit.model.presets import (
    GATED,
    PRESETS,
    Shape,
    default_ffn_size,
    named_values,
    starting_values,
)

LEARNED_POSITIONS = 1024
"""Where no sequences are known; `pretrain` has as many as its sequences need."""
LEFT_OPEN = frozenset({"dropout", "z_loss", "initialization", "norm_eps", "rotary_base"})
"""Options that a preset doesn't fix, unless they are among its components."""
ROTATIONS = {"yarn": (1.0, 32.0), "llama3": (1.0, 4.0)}
"""Where pairs of channels are slowed fully and not at all: Peng et al. (2023, section 3.2) for
Llama, and the code of Llama 3.1."""


class ModelConfig(ModelOptions):
    """The shape of a model and its components."""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = cast(dict[str, Any], values)
        preset = given.get("preset")
        if not isinstance(preset, str) or preset not in PRESETS:
            return given  # no preset, or the field's validation reports the valid names
        return starting_values(preset, given) | given

    @model_validator(mode="after")
    def _resolve_and_check(self) -> Self:
        given = {name: getattr(self, name) for name in type(self).model_fields}
        resolved: dict[str, Any] = {
            **self.shape._asdict(),
            "head_dim": self.head_dim or self.hidden_size // self.heads,
        }
        if self.architecture == "encoder-decoder":
            resolved["decoder_layers"] = self.decoder_layers or self.layers
        if self.attention_biases == ("all" if self.biases else "off"):
            resolved["attention_biases"] = None
        if "max_positions" in self._encoding.options:
            resolved["max_positions"] = self.max_positions or LEARNED_POSITIONS
        for name, value in resolved.items():
            object.__setattr__(self, name, value)  # frozen after this
        self._check_heads(given["head_dim"])
        self._check_position()
        self._check_rotary()
        self._check_parts()
        self._check_block()
        return self

    @property
    def preset_changes(self) -> dict[str, tuple[object, object]]:
        """The options that differ from the preset: what it has, and what the model has."""
        if self.preset is None:
            return {}
        named, original = named_values(self.preset), ModelConfig(preset=self.preset)
        return {
            name: (expected, actual)
            for name in type(self).model_fields
            if (actual := getattr(self, name)) != (expected := getattr(original, name))
            if name in named or name not in LEFT_OPEN
        }

    @property
    def preset_changes_text(self) -> str:
        """What differs from the preset, for people; empty where nothing does.

        >>> ModelConfig(preset="gpt2-small", heads=6).preset_changes_text
        'gpt2-small, but heads 6 (not 12), kv-heads 6 (12), head-dim 128 (64)'
        """
        changes = [
            f"{name.replace('_', '-')} {as_typed(actual)} ({as_typed(expected)})"
            for name, (expected, actual) in self.preset_changes.items()
        ]
        if not changes:
            return ""
        return f"{self.preset}, but {', '.join(changes)}".replace(" (", " (not ", 1)

    def _origin(self, name: str) -> str:
        """Return a remark for an error, where a value comes from the preset."""
        if self.preset is None or named_values(self.preset).get(name) != getattr(self, name):
            return ""
        return f" (of --model.preset {self.preset})"

    def _without(self, name: str) -> str:
        """Return how to do without an option, as it is typed."""
        return f"give {_flag(name)} none" if self._origin(name) else "leave it out"

    def _check_heads(self, head_dim: int | None) -> None:
        if head_dim is None and self.hidden_size % self.heads:
            raise ValueError(
                f"--model.hidden-size: got {self.hidden_size}{self._origin('hidden_size')}, must "
                f"be a multiple of --model.heads, which is {self.heads}{self._origin('heads')}; "
                "change one of the two, or give --model.head-dim"
            )
        if self._encoding.even_head_dim and self.attention_head_dim % 2:
            raise ValueError(
                f"--model.heads: got {self.heads} heads that are {self.attention_head_dim} wide "
                f"({self.hidden_size} / {self.heads}); {self.position} positions rotate pairs, so "
                "that --model.hidden-size / --model.heads must be even"
            )
        if self._encoding.even_hidden_size and self.hidden_size % 2:
            raise ValueError(
                f"--model.hidden-size: got {self.hidden_size}, must be even for --model.position "
                f"{self.position}, whose sines and cosines are pairs"
            )
        if self.heads % self.shape.kv_heads:
            raise ValueError(
                f"--model.kv-heads: got {self.kv_heads}{self._origin('kv_heads')}, must divide "
                f"--model.heads, which is {self.heads}{self._origin('heads')}"
            )

    def _check_position(self) -> None:
        position, architectures = f"--model.position {self.position}", self._encoding.architectures
        if self.architecture not in architectures:
            raise ValueError(
                f"{position}: got --model.architecture {self.architecture}, must be "
                f"{' or '.join(architectures)}; a {self.architecture} can have "
                "rotary, relative, learned, sinusoidal, alibi or none"
            )
        if "kv_heads" in self._encoding.excludes and self.kv_heads != self.heads:
            raise ValueError(
                f"--model.kv-heads: got {self.kv_heads}{self._origin('kv_heads')}, must be "
                f"--model.heads ({self.heads}) for {position}; {self._without('kv_heads')}"
            )
        for name in self._encoding.excludes:
            if name != "kv_heads" and getattr(self, name):
                raise ValueError(
                    f"{_flag(name)}{self._origin(name)}: can't be combined with {position}; "
                    f"{self._without(name)}, or use rotary, learned, sinusoidal or alibi positions"
                )

    def _check_rotary(self) -> None:
        if self.rotary_fraction < 1 and (self.rotary_dim < 2 or self.rotary_dim % 2):
            raise ValueError(
                f"--model.rotary-fraction: got {self.rotary_fraction:g} of heads that are "
                f"{self.attention_head_dim} wide, which is {self.rotary_dim} channels; they are "
                "rotated in pairs, so that it must be an even number"
            )
        scaling, slow_fast = self.rotary_scaling, self.rotary_rotations
        has_ramp = scaling in ROTATIONS
        needs = {
            "rotary_factor": scaling is not None,
            "rotary_original_length": has_ramp,
            "rotary_slow_rotations": has_ramp,
            "rotary_fast_rotations": has_ramp,
            "rotary_attention_factor": scaling == "yarn",
            "rotary_whole_pairs": scaling == "yarn",
        }
        for name, has_meaning in needs.items():
            if not has_meaning and self._is_set(name):
                wanted = "yarn" if "attention" in name or "whole" in name else "yarn or llama3"
                with_ = "" if name == "rotary_factor" else f" {wanted}"
                raise ValueError(
                    f"{_flag(name)}: got {as_typed(getattr(self, name))}, which has a meaning only "
                    f"with --model.rotary-scaling{with_}; {self._without(name)}"
                )
        for name in ("rotary_factor", "rotary_original_length"):
            if needs[name] and getattr(self, name) is None:
                raise ValueError(f"--model.rotary-scaling {scaling}: needs {_flag(name)}")
        if slow_fast[0] >= slow_fast[1]:
            raise ValueError(
                f"--model.rotary-fast-rotations: got {slow_fast[1]:g}, must be more than "
                f"--model.rotary-slow-rotations, which is {slow_fast[0]:g}"
            )
        if scaling == "yarn" and self.rotary_base == 1:
            raise ValueError("--model.rotary-base: got 1, must be more with yarn")

    def _check_parts(self) -> None:
        if self.window and self.architecture == "encoder-decoder":
            raise ValueError(
                f"--model.window: got {self.window}{self._origin('window')}, but "
                f"--model.architecture is encoder-decoder; {self._without('window')}, or use an "
                "encoder or a decoder"
            )
        if self.window and self.window % 2 and self.architecture == "encoder":
            raise ValueError(
                f"--model.window: got {self.window}, must be even for an encoder, which attends to "
                "half of it on each side"
            )
        encoding = self._encoding.options
        only_with = {
            "global_every": ("--model.window", bool(self.window)),
            "local_rotary_base": (
                f"--model.window and {_positions_with('local_rotary_base')}",
                bool(self.window) and "local_rotary_base" in encoding,
            ),
            **{
                name: (_positions_with(name), name in encoding)
                for name in ("max_positions", "first_position", "rotary_fraction", *SCALING_OPTIONS)
            },
            "decoder_layers": (
                "--model.architecture encoder-decoder",
                self.architecture == "encoder-decoder",
            ),
            "qk_norm_over": ("--model.qk-norm", self.qk_norm),
            "ngram_length": ("--model.architecture decoder", self.architecture == "decoder"),
            "ngram_rows": ("--model.ngram-length", self.ngram_length is not None),
        }
        for name, (condition, holds) in only_with.items():
            if self._is_set(name) and not holds:
                raise ValueError(
                    f"{_flag(name)}: got {as_typed(getattr(self, name))}, which has a meaning only "
                    f"with {condition}; {self._without(name)}"
                )

    def _check_block(self) -> None:
        if not self.parallel_residual:
            return
        for name, needed in (("norm_position", ("pre",)), ("architecture", ("decoder", "encoder"))):
            if getattr(self, name) not in needed:
                raise ValueError(
                    f"--model.parallel-residual: can't be combined with {_flag(name)} "
                    f"{getattr(self, name)}; leave it out, or use {' or '.join(needed)}"
                )

    def _is_set(self, name: str) -> bool:
        return getattr(self, name) != type(self).model_fields[name].default

    @property
    def _encoding(self) -> Position:
        return POSITIONS[self.position]

    @property
    def shape(self) -> Shape:
        """Every dimension of the shape, with defaults filled in."""
        return Shape(
            layers=self.layers,
            hidden_size=self.hidden_size,
            heads=self.heads,
            kv_heads=self.kv_heads or self.heads,
            ffn_size=self.ffn_size or default_ffn_size(self.hidden_size, self.activation),
        )

    @property
    def attention_head_dim(self) -> int:
        """Dimension of one head's query, key or value."""
        return self.head_dim or self.hidden_size // self.heads

    @property
    def gated(self) -> bool:
        """Whether the feed-forward network has a gate, and so three matrices."""
        return self.activation in GATED

    @property
    def score_scale(self) -> float:
        """Factor of the products of queries and keys: T5 doesn't scale them."""
        return 1 / math.sqrt(self.attention_head_dim) if self._encoding.scales_scores else 1.0

    @property
    def output_scale(self) -> float:
        """Factor of the features before the output matrix."""
        is_t5 = self.tie_embeddings and self.initialization == "t5"
        return 1 / math.sqrt(self.hidden_size) if is_t5 else 1.0

    @property
    def embedding_scale(self) -> float:
        """Factor of the token embeddings, so that sinusoids don't dominate them.

        From section 3.4 of Vaswani et al. (2017); T5's initialization already is that large.
        """
        if not self._encoding.scales_embeddings or self.initialization == "t5":
            return 1.0
        return math.sqrt(self.hidden_size)

    @property
    def qkv_biases(self) -> bool:
        """Whether queries, keys and values have biases: XLNet's don't, it has other biases."""
        given = self.attention_biases or ("all" if self.biases else "off")
        return given != "off" and self._encoding.attention_biases

    @property
    def attention_output_biases(self) -> bool:
        """Whether the output of attention has biases."""
        return self.qkv_biases and self.attention_biases != "qkv"

    @property
    def rotary_dim(self) -> int:
        """How many channels of each head rotary embeddings rotate."""
        return int(self.attention_head_dim * self.rotary_fraction)

    @property
    def rotary_rotations(self) -> tuple[float, float]:
        """Rotations below which a pair of channels is slowed fully, and above which not at all."""
        slow, fast = ROTATIONS.get(self.rotary_scaling or "", (1.0, 32.0))
        return self.rotary_slow_rotations or slow, self.rotary_fast_rotations or fast

    @property
    def has_head(self) -> bool:
        """Whether features go through dense, activation and norm before the output matrix.

        An encoder's do, as in BERT and ModernBERT, whose embeddings are also normalized before the
        first block. XLNet has neither.
        """
        return self.architecture == "encoder" and self._encoding.encoder_head

    @property
    def has_output_bias(self) -> bool:
        """Whether each token of the vocabulary has a bias: in BERT, ModernBERT and XLNet."""
        return self.architecture == "encoder"

    @property
    def first_is_normalized(self) -> bool:
        """Whether the first block normalizes its input: ModernBERT's embedding already is."""
        return self.norm_position != "pre" or not self.has_head

    @property
    def longest(self) -> int | None:
        """Longest sequence; None: no limit."""
        return self.max_positions if "max_positions" in self._encoding.options else None

    def is_local(self, block: int) -> bool:
        """Whether a block has sliding-window attention.

        >>> config = ModelConfig(window=8, global_every=3)
        >>> [config.is_local(block) for block in range(5)]
        [False, True, True, False, True]
        """
        return bool(self.window) and (self.global_every is None or block % self.global_every > 0)


def as_typed(value: object) -> object:
    """Return a value as it is typed on the command line.

    >>> as_typed(None), as_typed(True), as_typed(8)
    ('none', 'true', 8)
    """
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else value


def _flag(name: str) -> str:
    return f"--model.{name.replace('_', '-')}"


def _positions_with(option: str) -> str:
    """Return the encodings with which an option has a meaning, as they are typed.

    >>> _positions_with("max_positions")
    '--model.position learned'
    """
    names = [name for name, position in POSITIONS.items() if option in position.options]
    return f"--model.position {' or '.join(names)}"
