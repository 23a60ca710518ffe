"""The families that are known, and the one that a model belongs to.

Choices:
- A model goes out as the first family that can express all of it; none is ever bent to fit.
- Where none can, the nearest is named, and every option that stands in its way.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lmkit.errors import ConfigError, InputError
from lmkit.huggingface.decoders import GPT2, LLAMA, QWEN3
from lmkit.huggingface.encoder_decoders import T5
from lmkit.huggingface.encoders import BERT, MODERNBERT, XLNET
from lmkit.huggingface.family import WHICH_MODELS, Family, Json
from lmkit.huggingface.weight_names import Rule, to_hf
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer

FAMILIES = (GPT2, LLAMA, QWEN3, BERT, MODERNBERT, XLNET, T5)
KINDS = {"architecture": 100, "position": 10}
"""What a family is about weighs more than its details."""


def family_of(config: ModelConfig) -> Family:
    """Return the family that a model goes out as; ConfigError where there is none.

    >>> family_of(ModelConfig()).architecture
    'LlamaForCausalLM'
    """
    obstacles = [family.obstacles(config) for family in FAMILIES]
    distances = [sum(KINDS.get(name, 1) for name in found) for found in obstacles]
    nearest = distances.index(min(distances))
    if distances[nearest]:
        reasons = [_reason(config, *each) for each in obstacles[nearest].items()]
        raise ConfigError(
            f"no model of Transformers is like this one. The nearest, "
            f"{FAMILIES[nearest].architecture}, can't have: {'; '.join(reasons)}",
            "evaluate and generate work without Transformers; to export, train with such options",
        )
    return FAMILIES[nearest]


def _reason(config: ModelConfig, name: str, allowed: tuple[object, ...]) -> str:
    wanted = " or ".join(_shown(value) for value in allowed)
    option = f"--model.{name.replace('_', '-')}"
    return f"{option} {_shown(getattr(config, name))} (it has {wanted})"


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return {None: "none", True: "true", False: "false"}.get(value, str(value))  # pyright: ignore


def family_named(config: Json, place: str) -> Family:
    """Return the family that a config.json names."""
    name = config.get("model_type")
    for family in FAMILIES:
        if family.model_type == name:
            return family
    known = ", ".join(family.model_type for family in FAMILIES)
    raise InputError(f"{place}: model_type: got {name}, must be one of {known}", WHICH_MODELS)


def shapes_of(config: ModelConfig, vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight of a model."""
    with torch.device("meta"):
        model = Transformer(config, vocabulary_size)
    return {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}


def rules_of(family: Family, config: ModelConfig, known: Mapping[str, object]) -> list[Rule]:
    """Return the rules for a model's weights; each of ours is in one of them.

    What XLNet's query stream begins with has no place elsewhere, and nothing reads it there.
    """
    rules = family.rules(config, known)
    placed = {name for rule in rules for name in rule.ours}
    left = known.keys() - placed
    assert left <= {"query_vector"}, left
    return rules


def exported(
    family: Family, config: ModelConfig, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return a model's weights under their names."""
    return to_hf(rules_of(family, config, weights), weights)
