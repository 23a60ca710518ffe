"""Text from a model, one token after the other.

Choices:
- Temperature first, then the k likeliest, then the nucleus among those (Holtzman et al. 2020,
  arXiv 1904.09751), in the order of Transformers, so that settings mean the same in both.
- Probabilities are computed in float64 on the CPU and drawn from a generator of their own: a seed
  gives the same text whatever else draws numbers, and the sorted sums are those of a calculator.
- A text may become longer than the rows that the model was trained on. Each place then sees as many
  places as in training, and no more: rotary positions are relative, so nothing is new to the model,
  while distances that it never saw make it babble.

Shapes: B batch, T time, V vocabulary.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmkit.errors import ConfigError
from lmkit.model.eval_mode import eval_mode
from lmkit.model.kv_cache import KeyValueCache, positions_after
from lmkit.model.transformer import Source, Transformer

MayFollow = Callable[[Sequence[int]], Tensor]
"""From the ids written so far to which ids may come next: one truth for each of the vocabulary."""


@dataclass(frozen=True)
class Sampling:
    """How an id is drawn from those that may come."""

    temperature: float = 1.0
    """Below 1 the likely becomes likelier; 0 always takes the likeliest."""
    top_k: int | None = None
    """Draw from this many of the likeliest ids; None: from all."""
    top_p: float | None = None
    """Draw from the fewest ids that together have this probability; None: from all."""

    def draw(self, logits_V: Tensor, generator: torch.Generator) -> int:
        """Draw an id."""
        p_V = distribution(logits_V, self.temperature, self.top_k, self.top_p)
        return draw(p_V, generator)


@dataclass(frozen=True)
class Choice:
    """An id that was drawn, and how likely the model held it among all that might have come."""

    token: int
    probability: float


def generate(
    model: Transformer,
    prompt: Sequence[int],
    max_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    end_id: int | None = None,
    forbidden: Collection[int] = (),
    window: int | None = None,
) -> Iterator[int]:
    """Yield the ids that follow a prompt, each as soon as it is known.

    Args:
        model: its device and precision are left as they are.
        prompt: at least one id, such as the begin token.
        max_tokens: how many ids to yield at most.
        temperature: see Sampling.
        top_k: see Sampling.
        top_p: see Sampling.
        seed: of the draws.
        end_id: stop at this id, which is not yielded; None: only max_tokens is an end.
        forbidden: ids that are never drawn, such as padding; `end_id` among them still ends.
        window: see `choices`.

    Raises:
        ConfigError: the text would become longer than the model has learned positions.

    """
    read, longest = min(len(prompt), window or len(prompt)), model.config.longest
    if longest is not None and read + max_tokens > longest + 1:
        raise ConfigError(
            f"--max-tokens: got {max_tokens:,}, but the model has {longest:,} learned positions, "
            f"and the prompt takes {read:,}",
            f"ask for {max(0, longest + 1 - read):,} at most",
        )
    may_V = torch.ones(model.vocabulary_size, dtype=torch.bool)
    may_V[sorted(set(forbidden) - {end_id})] = False
    sampling = Sampling(temperature, top_k, top_p)
    chosen = choices(model, prompt, lambda _: may_V, sampling, seed=seed, window=window)
    for _ in range(max_tokens):
        token = next(chosen).token
        if token == end_id:
            return
        yield token


def choices(
    model: Transformer,
    prompt: Sequence[int],
    may_follow: MayFollow,
    sampling: Sampling,
    *,
    seed: int = 0,
    window: int | None = None,
    source: Source | None = None,
) -> Iterator[Choice]:
    """Draw what follows a prompt, id after id, as long as somebody asks.

    Args:
        model: its device and precision are left as they are.
        prompt: at least one id, such as the begin token.
        may_follow: which ids may come next.
        sampling: how one of those is drawn.
        seed: of the draws.
        window: how many places each place sees, itself included: the length of the rows in
            training; of a longer prompt, the end is read. None: all.
        source: what the encoder of an encoder-decoder has read, one row.

    """
    assert len(prompt), "a model continues something: give it the begin token at least"
    device = model.embedding.weight.device
    generator = torch.Generator().manual_seed(seed)
    cache = KeyValueCache(len(model.blocks), window)
    unread = list(prompt)[-window:] if window else list(prompt)
    written: list[int] = []
    while True:
        logits_V = _following(model, torch.tensor([unread], device=device), cache, source)
        logits_V = logits_V.masked_fill(~may_follow(written), -torch.inf)
        token = sampling.draw(logits_V, generator)
        yield Choice(token, float(logits_V.double().softmax(dim=-1)[token]))
        written.append(token)
        unread = [token]


def distribution(
    logits_V: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Return the probability with which each id is to be drawn, in float64.

    Among ids that are equally likely the smaller comes first.

    >>> logits = torch.tensor([0.5, 0.3, 0.2]).log()
    >>> [round(p, 3) for p in distribution(logits, top_k=2).tolist()]
    [0.625, 0.375, 0.0]
    >>> distribution(logits, temperature=0).tolist()
    [1.0, 0.0, 0.0]
    """
    scores_V, ids_V = logits_V.cpu().double().sort(descending=True, stable=True)
    if temperature == 0:
        top_k, temperature = 1, 1.0
    # The largest is 0, so that no temperature, however small, makes it overflow.
    p_V = ((scores_V - scores_V[0]) / temperature).softmax(dim=-1)
    if top_k is not None:
        p_V[top_k:] = 0
        p_V /= p_V.sum()
    if top_p is not None:
        likelier_V = p_V.cumsum(dim=-1) - p_V
        is_in_V = likelier_V < top_p
        is_in_V[0] = True
        p_V = p_V * is_in_V
        p_V /= p_V.sum()
    return torch.zeros_like(p_V).scatter_(0, ids_V, p_V)


def draw(p_V: Tensor, generator: torch.Generator) -> int:
    """Draw an id with these probabilities."""
    return int(torch.multinomial(p_V, 1, generator=generator))


def _following(
    model: Transformer, tokens_BT: Tensor, cache: KeyValueCache, source: Source | None
) -> Tensor:
    """Read tokens of one row, and return the logits of what follows the last."""
    # Not around the whole loop: between two ids the caller would find gradients switched off.
    with eval_mode(model):
        positions_BT = positions_after(cache, tokens_BT)
        x_BTD = model.features(tokens_BT, positions_BT, cache=cache, source=source)
        return model.logits(x_BTD[:, -1])[0].cpu()
