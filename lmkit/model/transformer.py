"""The Transformer: a decoder that reads tokens and says what follows each of them.

The block is that of Llama (Touvron et al. 2023, arXiv 2302.13971): normalization before each part,
SwiGLU, rotary positions, no biases; grouped queries where asked.

Choices:
- The embedding is also the output matrix (Press and Wolf 2017, arXiv 1608.05859): one parameter,
  used twice, so there is nothing to tie, to untie by accident, or to count twice.
- With targets the model returns the summed loss, one number, and never the logits: those are the
  largest tensor of a step, and Accelerate would copy them to fp32 on their way out.
- Weights are drawn from N(0, 0.02), those that write into the residual stream from a 1/sqrt(2 L)
  of it (Radford et al. 2019, section 2.3), on the CPU and in a fixed order: a seed gives the same
  model on every device and for any number of processes.

Shapes: B batch, T time, D width, V vocabulary, S places seen.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmkit.model.attention import Attention, continuation_mask, document_mask
from lmkit.model.cache import KeyValueCache, LayerCache
from lmkit.model.configuration import ModelConfig
from lmkit.model.feed_forward import SwiGLU
from lmkit.model.linear import Embedding
from lmkit.model.loss import summed_nll
from lmkit.model.norm import RMSNorm
from lmkit.model.positions import Rotation, rotation

INITIAL_DEVIATION = 0.02
WRITES_TO_THE_STREAM = ("attention.output.weight", "feed_forward.down.weight")


class Block(nn.Module):
    """One layer: places look at one another, then each is worked on by itself."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.hidden_size, config.norm_eps)
        self.attention = Attention(config)
        self.feed_forward_norm = RMSNorm(config.hidden_size, config.norm_eps)
        self.feed_forward = SwiGLU(config)
        self.dropout = dropout(config)

    def forward(
        self, x_BTD: Tensor, turn: Rotation, mask_B1TS: Tensor | None, cache: LayerCache | None
    ) -> Tensor:
        """Add both parts to the stream of residuals."""
        attended_BTD = self.attention(self.attention_norm(x_BTD), turn, mask_B1TS, cache)
        x_BTD = x_BTD + self.dropout(attended_BTD)
        return x_BTD + self.dropout(self.feed_forward(self.feed_forward_norm(x_BTD)))


class Transformer(nn.Module):
    """A language model of the given shape, for a vocabulary of the given size."""

    def __init__(self, config: ModelConfig, vocabulary_size: int, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.vocabulary_size = vocabulary_size
        self.embedding = Embedding(vocabulary_size, config.hidden_size)
        self.dropout = dropout(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)
        self.initialize(seed)

    @torch.no_grad()
    def initialize(self, seed: int) -> None:
        """Draw every weight anew, the same for a seed on whatever device they lie."""
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.named_parameters():
            if parameter.is_meta:  # a shape without numbers, to be filled from a checkpoint
                continue
            if parameter.ndim == 1:
                parameter.fill_(1.0)
                continue
            deviation = INITIAL_DEVIATION
            if name.endswith(WRITES_TO_THE_STREAM):
                deviation /= math.sqrt(2 * self.config.layers)
            drawn = torch.empty(parameter.shape, dtype=torch.float32, device="cpu")
            parameter.copy_(drawn.normal_(0.0, deviation, generator=generator))

    def forward(
        self,
        tokens_BT: Tensor,
        positions_BT: Tensor,
        documents_BT: Tensor | None = None,
        targets_BT: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return the summed loss of the targets, or without them the logits of what follows.

        Args:
            tokens_BT: token ids.
            positions_BT: each token's place in its document, from 0.
            documents_BT: which document of its row a token belongs to; documents of a row don't
                see one another. None: every row is one document.
            targets_BT: the token that should follow; -100 where there is nothing to predict.
            cache: what was read before these tokens; they are added to it. Its rows hold one
                document each, so it doesn't go with `documents_BT`.

        Returns:
            A scalar in fp32 with targets: the sum, over targets that aren't -100, of the negative
            log-likelihood in nats. Else logits_BTV in fp32.


        """
        x_BTD = self.features(tokens_BT, positions_BT, documents_BT, cache)
        if targets_BT is not None:
            return summed_nll(x_BTD.flatten(0, 1), self.embedding.weight, targets_BT.flatten())
        return self.logits(x_BTD)

    def features(
        self,
        tokens_BT: Tensor,
        positions_BT: Tensor,
        documents_BT: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Return x_BTD, what the model knows about each place before it names a token."""
        mask_B1TS = self._mask(tokens_BT, documents_BT, cache)
        turn = rotation(positions_BT, self.config.head_width, self.config.rotary_base)
        x_BTD = self.dropout(self.embedding(tokens_BT))
        for number, block in enumerate(self.blocks):
            x_BTD = block(x_BTD, turn, mask_B1TS, cache.layers[number] if cache else None)
        return self.norm(x_BTD)

    def logits(self, x_BTD: Tensor) -> Tensor:
        """Return a score in fp32 for each token that may follow; any places, in any shape."""
        return F.linear(x_BTD, self.embedding.weight).float()

    def _mask(
        self, tokens_BT: Tensor, documents_BT: Tensor | None, cache: KeyValueCache | None
    ) -> Tensor | None:
        """Say who sees whom, or None where everyone sees all of its row up to itself."""
        if documents_BT is not None:
            assert cache is None, "a cache holds one document per row"
            return document_mask(documents_BT)
        if cache is None or cache.length == 0:
            return None
        time = tokens_BT.shape[1]
        past = cache.length
        if cache.window:
            assert time == 1, "places read together would need windows of their own"
            past = min(past, cache.window - 1)
        return continuation_mask(past, time, tokens_BT.device)


def dropout(config: ModelConfig) -> nn.Module:
    """Return the dropout that a config asks for; none at all costs nothing."""
    return nn.Dropout(config.dropout) if config.dropout else nn.Identity()
