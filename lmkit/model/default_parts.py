"""Parts of a model that a command chooses, where nothing that was typed says otherwise.

Choice: queries and keys are normalized in a decoder of which nothing says otherwise: it lowers the
loss more than anything else that was tried (tests/benchmarks/recipe.md), and such a model is a
Qwen3. A preset has its published shape, and parts that belong to another family remain of that
family.
"""

from lmkit.model.options import ModelConfig

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


def with_qk_norm(model: ModelConfig, *, default: bool = True) -> ModelConfig:
    """Return the options with normalized queries and keys, or with `default`, if that is open.

    >>> with_qk_norm(ModelConfig()).qk_norm, with_qk_norm(ModelConfig(preset="llama-15m")).qk_norm
    (True, False)
    """
    is_open = model.preset is None and "qk_norm" not in model.model_fields_set
    if not is_open or any(getattr(model, name) != value for name, value in QWEN3.items()):
        return model
    return model.model_copy(update={"qk_norm": default})
