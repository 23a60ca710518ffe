"""The Transformer: encoder, decoder or encoder-decoder, built from interchangeable components.

By default the block is that of Llama (Touvron et al. 2023, arXiv 2302.13971): normalization before
each sublayer, SwiGLU, rotary positions, no biases. Other options make it the block of GPT-2,
GPT-NeoX, Qwen, OLMo 2, BERT, ModernBERT, T5 or XLNet, with the dimensions of each.

Names of parameters (only those that a config needs exist; `N` counts blocks from 0):

    embedding.weight                  V x D; also the output matrix, if embeddings are tied
    ngram_embedding.tables.N.weight   rows x D; of 2-grams, 3-grams, ...
    position_embedding.weight         learned positions, after rows that aren't used (RoBERTa's 2)
    embedding_norm.{weight,bias}      of encoders, except XLNet's
    query_vector                      D; of encoders: the initial state of XLNet's query stream
    relative_bias                     of the position encoding, for the blocks below; T5's: 32 x H
    blocks.N.attention_norm.*         before attention, after its sum, or of its output
    blocks.N.attention.{query,key,value,output}.{weight,bias}
    blocks.N.attention.{query_norm,key_norm}.weight
    blocks.N.attention.{content_bias,position_bias}      H x K numbers, flattened: XLNet's
    blocks.N.attention.distance.weight                   XLNet's matrix for distance encodings
    blocks.N.cross_attention_norm.*, blocks.N.cross_attention.*
    blocks.N.feed_forward_norm.*, blocks.N.feed_forward.{gate,up,down}.{weight,bias}
    norm.*                            after the last block, except with post-norm
    encoder.{relative_bias,blocks.N.*,norm.*}            an encoder-decoder's encoder
    head.dense.*, head.norm.*         of encoders, except XLNet's
    output.weight, output_bias        V x D where not tied; V, of encoders

Choices:
- A tied embedding is one parameter, used twice (Press and Wolf 2017, arXiv 1608.05859), so there is
  nothing to tie, to untie by accident, or to count twice.
- With targets the model returns the summed loss, one number, and never the logits: those are the
  largest tensor of a step, and Accelerate would copy them to fp32 when it returns them.
- An encoder has two streams where an order is given (Yang et al. 2019, arXiv 1906.08237, section
  2.3), with any position encoding; XLNet itself has transformer-xl's.

Shapes: B batch, T time, S source positions, Q queries, D hidden size, V vocabulary.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lmkit.model.attention import Attention, AttentionInputs
from lmkit.model.attention_inputs import (
    StackInputs,
    query_stream_inputs,
    self_attention_inputs,
)
from lmkit.model.attention_kernels import Mask, allow_empty_rows, prepared_mask
from lmkit.model.feed_forward import FeedForward, GatedFeedForward, activation
from lmkit.model.initialization import initialize_weights
from lmkit.model.kv_cache import KeyValueCache, LayerCache
from lmkit.model.linear import Embedding, Linear
from lmkit.model.loss import IGNORED, summed_nll
from lmkit.model.masks import permutation_masks, same_document_mask
from lmkit.model.ngram_embedding import NgramEmbedding
from lmkit.model.norm import make_norm
from lmkit.model.options import ModelConfig
from lmkit.model.positions.encoding import encoding_of


class Source(NamedTuple):
    """The output of an encoder-decoder's encoder."""

    x_BSD: Tensor
    documents_BS: Tensor | None


class Block(nn.Module):
    """One layer: attention, cross-attention in a decoder with an encoder, feed-forward network."""

    def __init__(self, config: ModelConfig, number: int, *, causal: bool, crosses: bool) -> None:
        super().__init__()
        self.norm_position = config.norm_position
        self.is_parallel = config.parallel_residual
        self.recomputes = False
        self._compiled: Callable[..., Tensor] | None = None
        self.is_local = config.is_local(number)
        is_normalized = number > 0 or config.first_is_normalized
        self.attention_norm = self._norm(config) if is_normalized else nn.Identity()
        self.attention = encoding_of(config).attention(config, causal=causal)
        if crosses:
            self.cross_attention_norm = self._norm(config)
            self.cross_attention = Attention(config, causal=False)
        self.feed_forward_norm = self._norm(config)
        self.feed_forward = (GatedFeedForward if config.gated else FeedForward)(config)
        self.dropout = dropout(config)

    def _norm(self, config: ModelConfig) -> nn.Module:
        return make_norm(config, rounds=self.norm_position == "pre")

    def forward(
        self,
        x_BTD: Tensor,
        inputs: StackInputs,
        cache: LayerCache | None = None,
        source: Source | None = None,
        content_BSD: Tensor | None = None,
    ) -> Tensor:
        """Add the output of each sublayer to the residual stream.

        In parallel both take the same input: Wang and Komatsuzaki (2021), GPT-J; GPT-NeoX-20B of
        Black et al. (2022, arXiv 2204.06745, section 2.1), with a norm for each.

        `content_BSD` is the input of the keys and values of the query stream: the content stream
        before this block.
        """
        arguments = (x_BTD, inputs, cache, source, content_BSD)
        if not self.training or not torch.is_grad_enabled():
            return self._forward(*arguments)
        compute = self._compiled or self._forward
        if self.recomputes:
            return checkpoint(compute, *arguments, use_reentrant=False)
        return compute(*arguments)

    def compile_training(self) -> None:
        """Compile the computation of a training step (torch.compile)."""
        self._compiled = torch.compile(self._forward, dynamic=False)

    def _forward(
        self,
        x_BTD: Tensor,
        inputs: StackInputs,
        cache: LayerCache | None,
        source: Source | None,
        content_BSD: Tensor | None,
    ) -> Tensor:
        layer_inputs = inputs.sliding_window_layers if self.is_local else inputs.global_layers
        norm, sublayer_input = self.attention_norm, self._pre_norm(self.attention_norm, x_BTD)
        if content_BSD is not None:
            content_BSD = self._pre_norm(norm, content_BSD)
        attended_BTD = self.attention(sublayer_input, layer_inputs, cache, content_BSD)
        if self.is_parallel:
            x_BTD = x_BTD + self.dropout(self.feed_forward(self.feed_forward_norm(x_BTD)))
            return x_BTD + self.dropout(attended_BTD)
        x_BTD = self._add_residual(norm, x_BTD, attended_BTD)
        if source is not None:
            norm = self.cross_attention_norm
            sublayer_input = self._pre_norm(norm, x_BTD)
            attended_BTD = self.cross_attention(
                sublayer_input, inputs.cross_attention, cache, source.x_BSD
            )
            x_BTD = self._add_residual(norm, x_BTD, attended_BTD)
        norm = self.feed_forward_norm
        return self._add_residual(norm, x_BTD, self.feed_forward(self._pre_norm(norm, x_BTD)))

    def _pre_norm(self, norm: nn.Module, x_BTD: Tensor) -> Tensor:
        return norm(x_BTD) if self.norm_position == "pre" else x_BTD

    def _add_residual(self, norm: nn.Module, x_BTD: Tensor, part_BTD: Tensor) -> Tensor:
        if self.norm_position == "output":
            return x_BTD + self.dropout(norm(part_BTD))
        x_BTD = x_BTD + self.dropout(part_BTD)
        return norm(x_BTD) if self.norm_position == "post" else x_BTD


class Stack(nn.Module):
    """Consecutive blocks, and what they share."""

    def add_blocks(self, config: ModelConfig, layers: int, *, causal: bool, crosses: bool) -> None:
        """Create the blocks, after the modules that exist already."""
        self.causal = causal
        self.encoding = encoding_of(config)
        # A vector, so that it gets no weight decay, like all biases.
        numbers = self.encoding.relative_bias_size
        self.relative_bias = nn.Parameter(torch.empty(numbers)) if numbers else None
        self.blocks = nn.ModuleList(
            Block(config, number, causal=causal, crosses=crosses) for number in range(layers)
        )
        self.norm = nn.Identity() if config.norm_position == "post" else make_norm(config)


class Encoder(Stack):
    """An encoder-decoder's encoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.add_blocks(config, config.layers, causal=False, crosses=False)


class Head(nn.Module):
    """The transformation of an encoder's features before the output matrix."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size, config.biases)
        self.act = activation(config)
        self.norm = make_norm(config)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return norm(bend(dense(x)))."""
        return self.norm(self.act(self.dense(x_BTD)))


class Transformer(Stack):
    """A language model of the given shape, for a vocabulary of the given size."""

    def __init__(self, config: ModelConfig, vocabulary_size: int, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.vocabulary_size = vocabulary_size
        width, kind = config.hidden_size, config.architecture
        self.embedding = Embedding(vocabulary_size, width)
        self.ngram_embedding = (
            NgramEmbedding(config.ngram_length, config.ngram_rows, width)
            if config.ngram_length
            else None
        )
        self.position_embedding = encoding_of(config).position_embedding()
        self.embedding_norm = make_norm(config, rounds=False) if config.has_head else None
        self.dropout = dropout(config)
        self.query_vector = nn.Parameter(torch.empty(width)) if kind == "encoder" else None
        self.encoder = Encoder(config) if kind == "encoder-decoder" else None
        self.add_blocks(
            config,
            config.decoder_layers or config.layers,
            causal=kind != "encoder",
            crosses=kind == "encoder-decoder",
        )
        self.head = Head(config) if config.has_head else None
        self.output = None if config.tie_embeddings else Linear(width, vocabulary_size)
        self.output_bias = (
            nn.Parameter(torch.empty(vocabulary_size)) if config.has_output_bias else None
        )
        self.initialize(seed)

    def initialize(self, seed: int) -> None:
        """Initialize every weight; a seed gives the same values on every device."""
        initialize_weights(self.named_parameters(), self.config, seed)

    def recompute(self, yes: bool) -> None:
        """Keep, while training, only the input of each block, and compute the rest twice.

        Activation checkpointing of Chen et al. (2016, arXiv 1604.06174). It changes no result.
        """
        for module in self.modules():
            if isinstance(module, Block):
                module.recomputes = yes

    def compile_blocks(self) -> None:
        """Compile the blocks for training; all blocks of one kind share what is compiled.

        Validation and generation, whose shapes vary, aren't compiled.
        """
        for module in self.modules():
            if isinstance(module, Block):
                module.compile_training()

    def forward(
        self,
        tokens_BT: Tensor,
        positions_BT: Tensor,
        documents_BT: Tensor | None = None,
        targets_BT: Tensor | None = None,
        cache: KeyValueCache | None = None,
        *,
        source_tokens_BS: Tensor | None = None,
        source_positions_BS: Tensor | None = None,
        source_documents_BS: Tensor | None = None,
        order_BT: Tensor | None = None,
        queries_BQ: Tensor | None = None,
    ) -> Tensor:
        """Return the summed loss of the targets, or without them the logits.

        Args:
            tokens_BT: token ids.
            positions_BT: each token's position in its document, from 0. A document's tokens are
                contiguous.
            documents_BT: the document in its sequence that a token belongs to, 0 being padding;
                documents of a sequence don't attend to one another. None: every sequence is one
                document.
            targets_BT: the token to predict at each position; -100 where there is none. With
                `queries_BQ` those are the positions.
            cache: the keys and values of earlier tokens; those of these tokens are added to it. Its
                sequences hold one document each, so it can't be combined with `documents_BT`.
            source_tokens_BS: the input of an encoder-decoder's encoder; document n of `tokens_BT`
                attends to document n of it.
            source_positions_BS: the positions of those tokens.
            source_documents_BS: their documents.
            order_BT: the rank of an encoder's targets, in the order in which they are predicted; -1
                where there is none.
            queries_BQ: columns of the positions to predict.

        Returns:
            A scalar in fp32 with targets: the sum, over targets that aren't -100, of the negative
            log-likelihood in nats. Else logits in fp32, for each position or each query.

        """
        if source_tokens_BS is not None:
            assert source_positions_BS is not None
            source = self.encode(source_tokens_BS, source_positions_BS, source_documents_BS)
            x_BTD = self.features(tokens_BT, positions_BT, documents_BT, cache, source)
        elif order_BT is not None:
            assert queries_BQ is not None
            x_BTD = self.query_features(tokens_BT, positions_BT, documents_BT, order_BT, queries_BQ)
        else:
            x_BTD = self.features(tokens_BT, positions_BT, documents_BT, cache)
        return self.logits(x_BTD) if targets_BT is None else self._loss(x_BTD, targets_BT)

    def encode(
        self, tokens_BS: Tensor, positions_BS: Tensor, documents_BS: Tensor | None = None
    ) -> Source:
        """Encode an encoder-decoder's source, once for all targets."""
        assert self.encoder is not None, "only an encoder-decoder has a source"
        inputs = self_attention_inputs(self.config, self.encoder, positions_BS, documents_BS)
        x_BSD = self._embed(tokens_BS, positions_BS)
        for block in self.encoder.blocks:
            x_BSD = block(x_BSD, inputs)
        return Source(self.encoder.norm(x_BSD), documents_BS)

    def features(
        self,
        tokens_BT: Tensor,
        positions_BT: Tensor,
        documents_BT: Tensor | None = None,
        cache: KeyValueCache | None = None,
        source: Source | None = None,
        *,
        visible_B1TS: Tensor | None = None,
    ) -> Tensor:
        """Return x_BTD, the hidden states before the head and the output matrix.

        `visible_B1TS` gives another mask than that of sequences or documents.
        """
        inputs = self_attention_inputs(
            self.config, self, positions_BT, documents_BT, cache, visible_B1TS
        )
        if source is not None:
            mask = _cross_attention_mask(documents_BT, source, tokens_BT)
            inputs = inputs._replace(cross_attention=AttentionInputs(mask))
        x_BTD = self._embed(tokens_BT, positions_BT, cache)
        for number, block in enumerate(self.blocks):
            x_BTD = block(x_BTD, inputs, cache.layers[number] if cache else None, source)
        return self.norm(x_BTD)

    def query_features(
        self,
        tokens_BT: Tensor,
        positions_BT: Tensor,
        documents_BT: Tensor | None,
        order_BT: Tensor,
        queries_BQ: Tensor,
    ) -> Tensor:
        """Return x_BQD: features of the queries, given the positions that precede them in order."""
        assert self.query_vector is not None, "only an encoder has two streams"
        content_B1TT, query_B1QT = permutation_masks(order_BT, queries_BQ, documents_BT)
        content = self_attention_inputs(self.config, self, positions_BT, visible_B1TS=content_B1TT)
        query_positions_BQ = positions_BT.gather(1, queries_BQ)
        query = query_stream_inputs(
            self.config, self, query_positions_BQ, queries_BQ, positions_BT, query_B1QT
        )
        h_BTD = self._embed(tokens_BT, positions_BT)
        start_BQD = self.query_vector.expand(*queries_BQ.shape, -1)
        g_BQD = self._add_positions(start_BQD, query_positions_BQ)
        last = len(self.blocks) - 1
        for number, block in enumerate(self.blocks):
            g_BQD = block(g_BQD, query, content_BSD=h_BTD)
            if number < last:  # the content stream of the last block isn't used
                h_BTD = block(h_BTD, content)
        return self.norm(g_BQD)

    def logits(self, x_BTD: Tensor) -> Tensor:
        """Return a score in fp32 for each token, for positions in any shape."""
        return F.linear(self._output_features(x_BTD), self.output_matrix, self.output_bias).float()

    @property
    def output_matrix(self) -> Tensor:
        """The output matrix: one row for each token."""
        return self.embedding.weight if self.output is None else self.output.weight

    def _loss(self, x_BTD: Tensor, targets_BT: Tensor) -> Tensor:
        x_ND, targets_N = x_BTD.flatten(0, 1), targets_BT.flatten()
        if self.head is not None and x_ND.device.type == "cpu":
            # Few positions have targets. (A GPU would have to synchronize to count them.)
            has_target_N = targets_N != IGNORED
            x_ND, targets_N = x_ND[has_target_N], targets_N[has_target_N]
        loss = summed_nll(
            self._output_features(x_ND),
            self.output_matrix,
            targets_N,
            bias_V=self.output_bias,
            z_loss=self.config.z_loss if self.training else 0.0,
        )
        if self.query_vector is not None:
            # So that it always has a gradient: DDP waits for it.
            loss = loss + 0.0 * self.query_vector.sum()
        return loss

    def _output_features(self, x_BTD: Tensor) -> Tensor:
        """Return what is multiplied with the output matrix."""
        if self.head is not None:
            x_BTD = self.head(x_BTD)
        scale = self.config.output_scale
        return x_BTD if scale == 1.0 else x_BTD * scale

    def _embed(
        self, tokens_BT: Tensor, positions_BT: Tensor, cache: KeyValueCache | None = None
    ) -> Tensor:
        x_BTD = self.embedding(tokens_BT)
        if self.config.embedding_scale != 1.0:
            x_BTD = x_BTD * self.config.embedding_scale
        if self.ngram_embedding is not None:
            longest = self.ngram_embedding.longest
            earlier_BE = cache.take_tokens(tokens_BT, longest) if cache else None
            x_BTD = x_BTD + self.ngram_embedding(tokens_BT, positions_BT, earlier_BE)
        return self._add_positions(x_BTD, positions_BT)

    def _add_positions(self, x_BTD: Tensor, positions_BT: Tensor) -> Tensor:
        """Add position embeddings, if the model has any."""
        if self.position_embedding is not None:
            x_BTD = x_BTD + self.position_embedding(positions_BT)
        if self.embedding_norm is not None:
            x_BTD = self.embedding_norm(x_BTD)
        return self.dropout(x_BTD)


def _cross_attention_mask(documents_BT: Tensor | None, source: Source, tokens_BT: Tensor) -> Mask:
    """Let each position attend to the source document with its document's number."""
    if documents_BT is None and source.documents_BS is None:
        return None
    x_BSD, documents_BS = source
    if documents_BS is None:
        documents_BS = torch.ones(x_BSD.shape[:2], dtype=torch.long, device=x_BSD.device)
    if documents_BT is None:
        documents_BT = torch.ones_like(tokens_BT)
    mask = allow_empty_rows(same_document_mask(documents_BT, documents_BS))
    return prepared_mask(mask, tokens_BT.shape[1], tokens_BT.device, causal=False)


def dropout(config: ModelConfig) -> nn.Module:
    """Return a dropout layer; without dropout an identity, which costs nothing."""
    return nn.Dropout(config.dropout) if config.dropout else nn.Identity()
