"""A family of models that Transformers knows: what it can be, and what its parts are called.

Choices:
- Nothing here imports Transformers: a family is a table of facts, read from its classes (5.23).
- What a config.json says is read by a guess and a proof: our options are guessed from it, and the
  config.json that follows from those must say the same. So whatever we can't be is noticed.
- What stands beside the shape (dropout, longest row, ids) is written, and read over.
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
"""What Transformers calls the approximation by a hyperbolic tangent."""

PLAIN = {"gelu": "gelu", "gelu-tanh": "gelu_new", "relu": "relu", "relu2": "relu2"}
GATES = {"swiglu": "silu", "geglu": "gelu", "geglu-tanh": "gelu_pytorch_tanh"}
"""Our activations, and theirs."""


@dataclass(frozen=True)
class Facts:
    """What a config.json holds besides the model's options."""

    vocabulary_size: int
    sequence_length: int
    pad: int | None
    bos: int | None
    eos: int | None
    """Ids."""


@dataclass(frozen=True)
class Family:
    """Models of one kind, as Transformers has them."""

    model_type: str
    architecture: str
    """The class that says tokens."""
    auto: str
    """What loads it without being told which class it is."""
    prefix: str
    """What stands before the names of all weights but the head's."""
    wants: Callable[[ModelConfig], Mapping[str, tuple[object, ...]]]
    """The values that an option may have, for the options that can't have any."""
    config: Callable[[ModelConfig], Json]
    """What decides the numbers, in the words of config.json."""
    beside: Callable[[ModelConfig, Facts], Json]
    """What doesn't."""
    completed: Callable[[Json], Json]
    """A config.json with everything that may be left out."""
    options: Callable[[Json], Json]
    """A guess at the options, from a completed config.json."""
    rules: Callable[[ModelConfig, Container[str]], list[Rule]]
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])
    """What can be said in a config.json, and can't be otherwise here."""
    ignored: tuple[str, ...] = ()
    """Patterns of tensors that say nothing more: buffers, and heads of other tasks."""
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tensors that, where the embedding is tied, must equal another one."""
    absorb: Callable[[dict[str, Any], Mapping[str, Any]], None] | None = None
    """Takes into ours what theirs hold where we have nothing."""

    def obstacles(self, config: ModelConfig) -> dict[str, tuple[object, ...]]:
        """Return the options that can't be expressed, each with the values that could."""
        return {
            name: allowed
            for name, allowed in self.wants(config).items()
            if getattr(config, name) not in allowed
        }

    def config_json(self, config: ModelConfig, facts: Facts) -> Json:
        """Return what config.json has to say."""
        ids = {"pad_token_id": facts.pad, "bos_token_id": facts.bos, "eos_token_id": facts.eos}
        return {
            "architectures": [self.architecture],
            "model_type": self.model_type,
            "vocab_size": facts.vocabulary_size,
            **self.config(config),
            **self.beside(config, facts),
            **ids,
        }

    def read(self, given: Json, place: str) -> ModelConfig:
        """Return the options of a config.json, read from `place`; InputError where we have none."""
        try:
            said = self.completed(given)
            config = ModelConfig.model_validate(self.options(said))
        except KeyError as error:
            raise InputError(f"{place}: {error.args[0]} is missing", COPY_AGAIN) from None
        except ValidationError as error:
            problem = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise InputError(f"{place}: {problem}", WHICH_MODELS) from None
        except UnsupportedError as error:
            raise InputError(f"{place}: {error}", WHICH_MODELS) from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{place}: damaged: {error}", COPY_AGAIN) from None
        wanted = self.config(config) | dict(self.fixed)
        for key, value in wanted.items():
            if said.get(key, value) != value:
                raise InputError(
                    f"{place}: {key}: got {json.dumps(said[key])}, but lmkit's "
                    f"{self.model_type} has {json.dumps(value)}",
                    WHICH_MODELS,
                )
        return config


class UnsupportedError(ValueError):
    """A config.json says what none of our options can."""


COPY_AGAIN = "copy the folder again from where it came from"
WHICH_MODELS = "lmkit can only go on with models that its own options can describe"


def our_activation(theirs: str, known: Mapping[str, str]) -> str:
    """Return our word for an activation.

    >>> our_activation("gelu_pytorch_tanh", PLAIN)
    'gelu-tanh'
    """
    written = same_activation(theirs, known)
    for ours, other in known.items():
        if other == written:
            return ours
    raise UnsupportedError(f"activation: got {theirs}, must be one of {', '.join(known.values())}")


def same_activation(theirs: str, known: Mapping[str, str]) -> str:
    """Return the name that is written for an activation, of several that mean it."""
    if theirs in TANH:
        return next(other for other in known.values() if other in TANH)
    return {"swish": "silu", "gelu_python": "gelu"}.get(theirs, theirs)


def rotary(config: Json, default: float) -> Json:
    """Return the rotary positions of a config.json, new or old.

    >>> rotary({"rope_theta": 500000.0}, 10000.0)
    {'rope_type': 'default', 'rope_theta': 500000.0}
    """
    given: Json = config.get("rope_parameters") or config.get("rope_scaling") or {}
    others = {key: value for key, value in given.items() if key not in {"type", "rope_type"}}
    if others.get("partial_rotary_factor") == 1:
        del others["partial_rotary_factor"]
    return {
        "rope_type": given.get("rope_type", given.get("type", "default")),
        "rope_theta": config.get("rope_theta", default),
        **others,
    }


SLIDING, FULL = "sliding_attention", "full_attention"


def layer_types(config: ModelConfig) -> list[str]:
    """Say of each block whether it is local."""
    return [SLIDING if config.is_local(n) else FULL for n in range(config.layers)]


def windows(types: list[str], window: int) -> Json:
    """Return the options about windows that such blocks have.

    >>> windows(["full_attention", "sliding_attention", "full_attention"], 8)
    {'window': 8, 'global_every': 2}
    """
    if SLIDING not in types:
        return {}
    full = [number for number, kind in enumerate(types) if kind == FULL]
    every = full[1] if len(full) > 1 else len(types)
    return {"window": window, "global_every": every if full else None}
