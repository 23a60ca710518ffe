"""A model in the position of a run's model, to find out what that would refuse.

Choice: whether a task or a prompt fits a model depends on its kind, its positions and its
vocabulary. A mistake is found while a run is planned, with a model of one narrow layer, and not
after the hours of its first steps.
"""

from torch import Tensor

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer

NARROW = {"layers": 1, "hidden_size": 8, "heads": 1, "kv_heads": 1, "head_dim": 8, "ffn_size": 8}


class Computed(Exception):  # noqa: N818 (nothing is wrong)
    """The model was asked for logits: all that is checked before was accepted."""


class StandIn(Transformer):
    """A model with the components of another one, that ends where logits would be computed."""

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        decoder_layers = 1 if config.architecture == "encoder-decoder" else None
        narrow = {**NARROW, "preset": None, "decoder_layers": decoder_layers}
        super().__init__(config.model_copy(update=narrow), vocabulary_size)
        self.eval()

    def logits(self, x_BTD: Tensor) -> Tensor:
        """Raise Computed."""
        del x_BTD
        raise Computed
