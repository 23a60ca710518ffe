"""A model family of Transformers: which options it supports, and the names of its weights.

Choices:
- Nothing here imports Transformers: a family is a table of facts, read from its classes (5.24).
- A config.json is read in two steps: lmkit's options are derived from it, and the config.json of
  those options must have the same values. So whatever lmkit doesn't support is noticed.
- What doesn't affect the computation (dropout, maximum length, ids) is written, but ignored when
  it is read.
- An option that only some families have is supported by those that list it, and by the others at
  its default (`RARE`).
"""

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from lmkit.errors import InputError
from lmkit.huggingface.weight_names import Rule
from lmkit.model.options import ModelConfig

Json = dict[str, Any]
TANH = ("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast")
"""Transformers' names for the approximation by a hyperbolic tangent."""

PLAIN = {"gelu": "gelu", "gelu-tanh": "gelu_new", "relu": "relu", "relu2": "relu2"}
GATES = {"swiglu": "silu", "geglu": "gelu", "geglu-tanh": "gelu_pytorch_tanh"}
"""From lmkit's activations to those of Transformers."""

RARE = (
    "parallel_residual",
    "qk_norm_over",
    "attention_biases",
    "first_position",
    "ngram_length",
    "rotary_fraction",
    "rotary_scaling",
)
"""Options that a family supports only at their defaults, unless it lists other values. What else
is scaled follows from `rotary_scaling`."""

SCALINGS = (None, "linear", "yarn", "llama3")
"""The values of `rotary_scaling` in families with Transformers' rotary parameters."""


@dataclass(frozen=True)
class Facts:
    """The content of a config.json besides the model's options."""

    vocabulary_size: int
    sequence_length: int
    pad: int | None
    bos: int | None
    eos: int | None
    """Token ids."""


@dataclass(frozen=True)
class Family:
    """A model family of Transformers."""

    model_type: str
    architecture: str
    """The model class with its output matrix."""
    auto: str
    """The auto class that loads it."""
    prefix: str
    """The prefix of the names of all weights except the head's."""
    supported: Callable[[ModelConfig], Mapping[str, tuple[object, ...]]]
    """The supported values, for each option that doesn't support all."""
    config: Callable[[ModelConfig], Json]
    """The keys of config.json that affect the computation."""
    extra: Callable[[ModelConfig, Facts], Json]
    """The other keys."""
    with_defaults: Callable[[Json], Json]
    """A config.json with defaults for all optional keys."""
    options: Callable[[Json], Json]
    """The options of a config.json with defaults."""
    rules: Callable[[ModelConfig, Container[str]], list[Rule]]
    """The names of its weights, given the names of lmkit's."""
    objective: str
    """What its published models were trained to predict, as in --objective."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names of tensors in some versions of Transformers, and those that are written."""
    untied_head: str = ""
    """The tensor that is in the files of an untied model, where config.json doesn't tell whether
    embeddings are tied."""
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])
    """Keys of config.json of which only one value is supported."""
    ignored: tuple[str, ...] = ()
    """Patterns of tensors without further information: buffers, and heads of other tasks."""
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tensors that must equal another one where embeddings are tied."""
    added_first_rows: Mapping[str, str] = field(default_factory=dict[str, str])
    """From weights of lmkit to tensors that lmkit's model has no parameter for; the first row of
    the tensor is added to each row of the weight."""

    def unsupported(self, config: ModelConfig) -> dict[str, tuple[object, ...]]:
        """Return the options that can't be expressed, each with its supported values."""
        fields = type(config).model_fields
        supported: dict[str, tuple[object, ...]] = {
            **{name: (fields[name].default,) for name in RARE},
            **self.supported(config),
        }
        return {
            name: allowed
            for name, allowed in supported.items()
            if getattr(config, name) not in allowed
        }

    def config_json(self, config: ModelConfig, facts: Facts) -> Json:
        """Return the content of config.json."""
        ids = {"pad_token_id": facts.pad, "bos_token_id": facts.bos, "eos_token_id": facts.eos}
        return {
            "architectures": [self.architecture],
            "model_type": self.model_type,
            "vocab_size": facts.vocabulary_size,
            **self.config(config),
            **self.extra(config, facts),
            **ids,
        }

    def read(self, given: Json, path: str) -> ModelConfig:
        """Return the options of the config.json at `path`; InputError if it isn't supported."""
        if given.get("quantization_config"):
            raise InputError(f"{path}: quantization_config: lmkit reads no quantized weights")
        try:
            hf_config = self.with_defaults(given)
            config = ModelConfig.model_validate(self.options(hf_config))
        except KeyError as error:
            raise InputError(f"{path}: {error.args[0]} is missing", COPY_AGAIN) from None
        except ValidationError as error:
            first = error.errors()[0]
            problem = first["msg"].removeprefix("Value error, ")
            option = "".join(f"--model.{name}: " for name in first["loc"]).replace("_", "-")
            raise InputError(f"{path}: {option}{problem}", SUPPORTED_MODELS) from None
        except UnsupportedError as error:
            raise InputError(f"{path}: {error}", SUPPORTED_MODELS) from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: corrupt: {error}", COPY_AGAIN) from None
        expected = self.config(config) | dict(self.fixed)
        for key, value in expected.items():
            if hf_config.get(key, value) != value:
                raise InputError(
                    f"{path}: {key}: got {json.dumps(hf_config[key])}, but lmkit's "
                    f"{self.model_type} has {json.dumps(value)}",
                    SUPPORTED_MODELS,
                )
        if unsupported := self.unsupported(config):
            names = ", ".join(f"--model.{name.replace('_', '-')}" for name in unsupported)
            raise InputError(
                f"{path}: lmkit's {self.model_type} has other values of {names}", SUPPORTED_MODELS
            )
        return config


class UnsupportedError(ValueError):
    """A config.json with a value that lmkit's options don't support."""


COPY_AGAIN = "copy the folder again from where it came from"
SUPPORTED_MODELS = "lmkit can only import models that its options can describe"


def shape_config(config: ModelConfig) -> Json:
    """Return the entries of the shape, by the names that most families have."""
    return {
        "hidden_size": config.hidden_size,
        "intermediate_size": config.shape.ffn_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
    }


def shape_options(hf_config: Json) -> Json:
    """Return lmkit's options of the shape from those entries."""
    return {
        "layers": hf_config["num_hidden_layers"],
        "hidden_size": hf_config["hidden_size"],
        "heads": hf_config["num_attention_heads"],
        "ffn_size": hf_config["intermediate_size"],
    }


def lmkit_activation(hf_name: str, known: Mapping[str, str]) -> str:
    """Return lmkit's name of an activation.

    >>> lmkit_activation("gelu_pytorch_tanh", PLAIN)
    'gelu-tanh'
    """
    canonical = canonical_activation(hf_name, known)
    for name, other in known.items():
        if other == canonical:
            return name
    raise UnsupportedError(f"activation: got {hf_name}, must be one of {', '.join(known.values())}")


def canonical_activation(hf_name: str, known: Mapping[str, str]) -> str:
    """Return the name that is written for an activation, of several synonyms."""
    if hf_name in TANH:
        return next(other for other in known.values() if other in TANH)
    return {"swish": "silu", "gelu_python": "gelu"}.get(hf_name, hf_name)


SLIDING, FULL = "sliding_attention", "full_attention"


def layer_types(config: ModelConfig) -> list[str]:
    """Return for each block whether it has sliding-window attention."""
    return [SLIDING if config.is_local(n) else FULL for n in range(config.layers)]


def windows(types: list[str], window: int) -> Json:
    """Return the window options of such blocks.

    >>> windows(["full_attention", "sliding_attention", "full_attention"], 8)
    {'window': 8, 'global_every': 2}
    """
    if SLIDING not in types:
        return {}
    full = [number for number, kind in enumerate(types) if kind == FULL]
    every = full[1] if len(full) > 1 else len(types)
    return {"window": window, "global_every": every if full else None}
