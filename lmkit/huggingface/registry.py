"""The supported families, and the family of a model.

Choices:
- A model is exported as the first family that supports all of its options; nothing is approximated.
- Where none does, the closest family is reported, with every option that it doesn't support.
- Neither this nor the families need torch: `lmkit inspect` reads folders without it.
"""

from collections.abc import Mapping

from lmkit.errors import ConfigError, InputError
from lmkit.huggingface.bert_encoders import BERT, ROBERTA
from lmkit.huggingface.decoders import GPT2, GPT_NEOX
from lmkit.huggingface.encoder_decoders import T5
from lmkit.huggingface.encoders import MODERNBERT, XLNET
from lmkit.huggingface.family import SUPPORTED_MODELS, Family, Json
from lmkit.huggingface.llama_decoders import LLAMA, MISTRAL, OLMO2, QWEN2, QWEN3
from lmkit.huggingface.weight_names import Rule
from lmkit.model.options import ModelConfig, as_typed

FAMILIES = (
    *(GPT2, LLAMA, MISTRAL, QWEN2, QWEN3, OLMO2, GPT_NEOX),
    *(BERT, ROBERTA, MODERNBERT, XLNET),
    T5,
)
WEIGHTS_OF_OPTIONS = {"architecture": 100, "position": 10}
"""The main options of a family count more than its details."""


def family_of(config: ModelConfig) -> Family:
    """Return the family that a model is exported as; ConfigError where there is none.

    >>> family_of(ModelConfig()).architecture
    'LlamaForCausalLM'
    """
    unsupported = [family.unsupported(config) for family in FAMILIES]
    distances = [sum(WEIGHTS_OF_OPTIONS.get(name, 1) for name in found) for found in unsupported]
    closest = distances.index(min(distances))
    if distances[closest]:
        reasons = [_reason(config, *item) for item in unsupported[closest].items()]
        raise ConfigError(
            f"no model of Transformers has these options. The closest, "
            f"{FAMILIES[closest].architecture}, doesn't support: {'; '.join(reasons)}",
            "eval and generate work without Transformers; to export, train with supported options",
        )
    return FAMILIES[closest]


def refuse_padding(config: ModelConfig, pad: int | None) -> None:
    """Raise ConfigError where RoBERTa's positions would be counted from another id of padding."""
    if pad != config.first_position - 1:
        raise ConfigError(
            f"--model.first-position: got {config.first_position}, but in Transformers RoBERTa's "
            f"first position is the id of padding + 1, and the tokenizer's padding has id {pad}",
            "eval and generate work without Transformers; to export, train with a tokenizer whose "
            f"padding has id {config.first_position - 1}, such as the model's own",
        )


def _reason(config: ModelConfig, name: str, allowed: tuple[object, ...]) -> str:
    possible = " or ".join(_shown(value) for value in allowed)
    option = f"--model.{name.replace('_', '-')}"
    return f"{option} {_shown(getattr(config, name))} (it has {possible})"


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(as_typed(value))


def family_named(config: Json, path: str) -> Family:
    """Return the family of a config.json."""
    name = config.get("model_type")
    for family in FAMILIES:
        if family.model_type == name:
            return family
    known = ", ".join(family.model_type for family in FAMILIES)
    raise InputError(f"{path}: model_type: got {name}, must be one of {known}", SUPPORTED_MODELS)


def rules_of(family: Family, config: ModelConfig, known: Mapping[str, object]) -> list[Rule]:
    """Return the rules for a model's weights; each weight is in one of them.

    The query vector, used only by XLNet's query stream, has no equivalent in the other families.
    """
    rules = family.rules(config, known)
    converted = {name for rule in rules for name in rule.lmkit_names}
    unconverted = known.keys() - converted
    assert unconverted <= {"query_vector"}, unconverted
    return rules
