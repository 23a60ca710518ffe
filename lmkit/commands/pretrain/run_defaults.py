"""Defaults that depend on the run that resumes.

Choice: a run of an earlier version was trained with other defaults. The command that began it
resumes it: an option that isn't typed, and was recorded with its earlier default, keeps that.
"""

from lmkit.artifacts.manifest import flat
from lmkit.commands.pretrain.batch_plan import with_values
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.config import Group
from lmkit.model.default_parts import with_qk_norm
from lmkit.model.options import ModelConfig
from lmkit.training.checkpoints.overrides import recorded_options

EARLIER_DEFAULTS = {
    "optim.algorithm": "adamw",
    "optim.lr": 1e-3,
    "schedule.warmup_steps": 100,
}
"""Defaults of the versions before, where they were others."""
REST_LR = "optim.rest_lr_factor"
QK_NORM = "model.qk_norm"


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


def model_with_defaults(config: PretrainConfig, model: ModelConfig) -> ModelConfig:
    """Return the options of the model, with the parts that are chosen where nothing is typed.

    A run that resumes keeps its parts, and a model of --init-from has all of them.
    """
    if config.init_from is not None:
        return model
    recorded = {} if config.overwrite else flat(recorded_options(config.output))
    return with_qk_norm(model, default=recorded.get(QK_NORM, True))


def _is_typed(config: PretrainConfig, key: str) -> bool:
    group, _, name = key.rpartition(".")
    owner: Group = getattr(config, group) if group else config
    return name in owner.model_fields_set
