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

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor

from lmkit.errors import ConfigError
from lmkit.model.cache import KeyValueCache, positions_after
from lmkit.model.evaluation import evaluating
from lmkit.model.transformer import Transformer


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
        temperature: below 1 the likely becomes likelier; 0 always takes the likeliest.
        top_k: draw from this many of the likeliest ids; None: from all.
        top_p: draw from the fewest ids that together have this probability; None: from all.
        seed: of the draws.
        end_id: stop at this id, which is not yielded; None: only max_tokens is an end.
        forbidden: ids that are never drawn, such as padding; `end_id` among them still ends.
        window: how many places each place sees, itself included: the length of the rows in
            training; of a longer prompt, the end is read. None: all.

    Raises:
        ConfigError: the text would become longer than the model has learned positions.

    """
    assert len(prompt), "a model continues something: give it the begin token at least"
    device = model.embedding.weight.device
    banned = torch.tensor(sorted(set(forbidden) - {end_id}), dtype=torch.long)
    generator = torch.Generator().manual_seed(seed)
    cache = KeyValueCache(model.config.decoder_layers or model.config.layers, window)
    unread = list(prompt)[-window:] if window else list(prompt)
    longest = model.config.longest
    if longest is not None and len(unread) + max_tokens > longest + 1:
        raise ConfigError(
            f"--max-tokens: got {max_tokens:,}, but the model has {longest:,} learned positions, "
            f"and the prompt takes {len(unread):,}",
            f"ask for {max(0, longest + 1 - len(unread)):,} at most",
        )
    for _ in range(max_tokens):
        logits_V = _following(model, torch.tensor([unread], device=device), cache)
        logits_V = logits_V.index_fill(0, banned, -torch.inf)
        token = draw(distribution(logits_V, temperature, top_k, top_p), generator)
        if token == end_id:
            return
        yield token
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


def _following(model: Transformer, tokens_BT: Tensor, cache: KeyValueCache) -> Tensor:
    """Read tokens of one row, and return the logits of what follows the last."""
    # Not around the whole loop: between two ids the caller would find gradients switched off.
    with evaluating(model):
        x_BTD = model.features(tokens_BT, positions_after(cache, tokens_BT), cache=cache)
        return model.logits(x_BTD[:, -1])[0].cpu()
