"""Text generation, one token after the other.

Choices:
- Temperature first, then the k most likely, then the nucleus among those (Holtzman et al. 2020,
  arXiv 1904.09751), in the order of Transformers, so that settings have the same meaning in both.
- Probabilities are computed in float64 on the CPU and sampled with a dedicated generator: a seed
  gives the same text whatever else uses random numbers, and the sorted sums are exact to many
  digits.
- A text may become longer than the training sequences. Each position then attends to as many
  positions as in training, and no more: rotary positions are relative, so nothing is new to the
  model, while distances beyond those of training degrade the text.

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

AllowedNext = Callable[[Sequence[int]], Tensor]
"""From the ids generated so far to a mask over the vocabulary of the ids that may come next."""


@dataclass(frozen=True)
class Sampling:
    """How an id is sampled from those that are allowed."""

    temperature: float = 1.0
    """Below 1, likely ids become likelier; 0 always takes the most likely."""
    top_k: int | None = None
    """Sample from this many of the most likely ids; None: from all."""
    top_p: float | None = None
    """Sample from the fewest ids that together have this probability; None: from all."""

    def sample(self, logits_V: Tensor, generator: torch.Generator) -> int:
        """Sample an id."""
        p_V = distribution(logits_V, self.temperature, self.top_k, self.top_p)
        return sample(p_V, generator)


@dataclass(frozen=True)
class SampledToken:
    """An id that was sampled, and its probability among all that were allowed."""

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
    """Yield the ids that follow a prompt, each as soon as it is sampled.

    Args:
        model: its device and precision are not changed.
        prompt: at least one id, such as BOS.
        max_tokens: maximum number of ids.
        temperature: see Sampling.
        top_k: see Sampling.
        top_p: see Sampling.
        seed: seed of the sampling.
        end_id: stop at this id, which is not yielded; None: only max_tokens is an end.
        forbidden: ids that are never sampled, such as padding; `end_id` among them still ends.
        window: see `sample_tokens`.

    Raises:
        ConfigError: the text would become longer than the model has learned positions.

    """
    prompt_length, max_positions = min(len(prompt), window or len(prompt)), model.config.longest
    if max_positions is not None and prompt_length + max_tokens > max_positions + 1:
        raise ConfigError(
            f"--max-tokens: got {max_tokens:,}, but the model has {max_positions:,} learned "
            f"positions, and the prompt has {prompt_length:,} tokens",
            f"give {max(0, max_positions + 1 - prompt_length):,} at most",
        )
    allowed_V = torch.ones(model.vocabulary_size, dtype=torch.bool)
    allowed_V[sorted(set(forbidden) - {end_id})] = False
    sampling = Sampling(temperature, top_k, top_p)
    sampled = sample_tokens(model, prompt, lambda _: allowed_V, sampling, seed=seed, window=window)
    for _ in range(max_tokens):
        token = next(sampled).token
        if token == end_id:
            return
        yield token


def sample_tokens(
    model: Transformer,
    prompt: Sequence[int],
    allowed_next: AllowedNext,
    sampling: Sampling,
    *,
    seed: int = 0,
    window: int | None = None,
    source: Source | None = None,
) -> Iterator[SampledToken]:
    """Sample what follows a prompt, id after id, without end.

    Args:
        model: its device and precision are not changed.
        prompt: at least one id, such as BOS.
        allowed_next: which ids may come next.
        sampling: how one of those is sampled.
        seed: seed of the sampling.
        window: how many positions each position attends to, including itself: the length of
            training sequences; of a longer prompt, the end is read. None: all.
        source: the encoder output of an encoder-decoder, for one sequence.

    """
    assert len(prompt), "a prompt has at least one token, such as BOS"
    device = model.embedding.weight.device
    generator = torch.Generator().manual_seed(seed)
    cache = KeyValueCache(len(model.blocks), window)
    unread = list(prompt)[-window:] if window else list(prompt)
    generated: list[int] = []
    while True:
        logits_V = _next_logits(model, torch.tensor([unread], device=device), cache, source)
        logits_V = logits_V.masked_fill(~allowed_next(generated), -torch.inf)
        token = sampling.sample(logits_V, generator)
        yield SampledToken(token, float(logits_V.double().softmax(dim=-1)[token]))
        generated.append(token)
        unread = [token]


def distribution(
    logits_V: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Return the probability with which each id is sampled, in float64.

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
        probability_before_V = p_V.cumsum(dim=-1) - p_V
        in_nucleus_V = probability_before_V < top_p
        in_nucleus_V[0] = True
        p_V = p_V * in_nucleus_V
        p_V /= p_V.sum()
    return torch.zeros_like(p_V).scatter_(0, ids_V, p_V)


def sample(p_V: Tensor, generator: torch.Generator) -> int:
    """Sample an id with these probabilities."""
    return int(torch.multinomial(p_V, 1, generator=generator))


def _next_logits(
    model: Transformer, tokens_BT: Tensor, cache: KeyValueCache, source: Source | None
) -> Tensor:
    """Read tokens of one sequence, and return the logits after the last."""
    # Not around the full loop: between two ids gradients would be off for the caller.
    with eval_mode(model):
        positions_BT = positions_after(cache, tokens_BT)
        x_BTD = model.features(tokens_BT, positions_BT, cache=cache, source=source)
        return model.logits(x_BTD[:, -1])[0].cpu()
