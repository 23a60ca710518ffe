"""Defaults that depend on other options, or on the run that resumes.

Choices:
- Queries and keys are normalized in a decoder of which nothing says otherwise: it lowers the loss
  more than anything else that was tried (tests/benchmarks/recipe.md), and such a model is a Qwen3.
  A preset has its published shape, and parts that belong to another family remain of that family.
- What `auto` is depends on the shape of the model and the length of the run, so it is known with
  the plan. A run that is made longer keeps the rate that it has.
- A run of an earlier version was trained with other defaults. The command that began it resumes
  it: an option that isn't typed, and was recorded with its earlier default, keeps that.
"""

from lmkit.artifacts.manifest import flat
from lmkit.commands.pretrain.batch_plan import with_values
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.config import Group
from lmkit.model.cost import BatchShape, flops
from lmkit.model.options import ModelConfig
from lmkit.training.checkpoints.overrides import recorded_options
from lmkit.training.learning_rate_rule import automatic_learning_rate
from lmkit.training.optimizers.registry import ALGORITHMS

EARLIER_DEFAULTS = {
    "optim.algorithm": "adamw",
    "optim.lr": 1e-3,
}
"""Defaults of the versions before, where they were others."""
REST_LR = "optim.rest_lr_factor"
QK_NORM = "model.qk_norm"
QWEN3: dict[str, object] = {
    "architecture": "decoder",
    "position": "rotary",
    "rotary_scaling": None,
    "rotary_fraction": 1.0,
    "norm": "rmsnorm",
    "norm_position": "pre",
    "activation": "swiglu",
    "biases": False,
    "attention_biases": None,
    "parallel_residual": False,
    "window": None,
}
"""Parts that a Qwen3 has, besides normalized queries and keys."""


def automatic_lr(config: PretrainConfig, model: ModelConfig, rows: int, length: int) -> float:
    """Return what `--optim.lr auto` is for a run over `rows` sequences of `length` tokens."""
    computed = sum(flops(model, 0, BatchShape(1, length)).values()) * rows
    factor = ALGORITHMS[config.optim.algorithm].lr_factor
    return automatic_learning_rate(factor, computed, config.batch_tokens)


def with_recorded_defaults(config: PretrainConfig) -> PretrainConfig:
    """Return the options, with those earlier defaults that the run to resume was made with."""
    recorded = {} if config.overwrite else flat(recorded_options(config.output))
    kept: dict[str, object] = {
        key: value
        for key, value in EARLIER_DEFAULTS.items()
        if recorded.get(key) == value and not _is_typed(config, key)
    }
    if recorded and not _is_typed(config, REST_LR):
        kept[REST_LR] = recorded.get(REST_LR, 1.0)
    return with_values(config, kept)


def with_qk_norm(config: PretrainConfig, model: ModelConfig) -> ModelConfig:
    """Return the options of the model with normalized queries and keys, where nothing is typed."""
    is_open = config.init_from is None and model.preset is None and not _is_typed(config, QK_NORM)
    if not is_open or any(getattr(model, name) != value for name, value in QWEN3.items()):
        return model
    recorded = {} if config.overwrite else flat(recorded_options(config.output))
    return model.model_copy(update={"qk_norm": recorded.get(QK_NORM, True)})


def _is_typed(config: PretrainConfig, key: str) -> bool:
    group, _, name = key.rpartition(".")
    owner: Group = getattr(config, group) if group else config
    return name in owner.model_fields_set
