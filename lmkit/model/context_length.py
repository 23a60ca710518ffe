"""The longest text that a model is made for, where its positions have no end of their own."""

from lmkit.model.options import ModelConfig


def context_length(config: ModelConfig, trained: int) -> int:
    """Return the longest text of a model that was trained on sequences of a length.

    >>> scaled = {"rotary_scaling": "yarn", "rotary_factor": 4, "rotary_original_length": 1024}
    >>> context_length(ModelConfig(), 512), context_length(ModelConfig(**scaled), 512)
    (512, 4096)
    """
    if config.rotary_original_length is None:
        return trained
    return max(trained, int(config.rotary_original_length * (config.rotary_factor or 1)))
