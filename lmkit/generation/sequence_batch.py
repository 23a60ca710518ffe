"""Text generation, one token after the other, for one sequence or for several at once.

Choices:
- A text may become longer than the training sequences. Each position then attends to as many
  positions as in training, and no more: rotary positions are relative, so nothing is new to the
  model, while distances beyond those of training degrade the text.
- Prompts of different lengths are padded at the left, so that the last position of all is one
  column. Distances between columns are then those between positions, for any position encoding,
  and a mask keeps padding out. Padding attends to padding, so that nothing becomes NaN.
- A sequence that has ended leaves the batch. None joins it: the keys of a new one would have to be
  moved to the columns of the others.
- Each sequence has its own random numbers. So a batch gives the tokens that each prompt gives
  alone. What differs is rounding, since a matrix product adds in another order for another number
  of rows: logits differ by about 1e-6 of their size. Two tokens would have to be that close for
  another one to be sampled.

Shapes: B batch, T time, S key positions, V vocabulary.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import torch
from torch import Tensor

from lmkit.errors import ConfigError
from lmkit.generation.sampling import SampledToken, Sampling
from lmkit.model.eval_mode import eval_mode
from lmkit.model.kv_cache import KeyValueCache, positions_after
from lmkit.model.masks import document_mask
from lmkit.model.transformer import Source, Transformer

AllowedNext = Callable[[Sequence[int]], Tensor]
"""From the ids generated so far to a mask over the vocabulary of the ids that may come next."""


class SequenceBatch:
    """Sequences that are continued together, a token at a time.

    Args:
        model: its device and precision are not changed.
        prompts: of each sequence at least one id, such as BOS.
        sampling: how an id is sampled.
        seeds: of the sampling, for each sequence.
        window: how many positions each position attends to, including itself: the length of
            training sequences; of a longer prompt, the end is read. None: all.
        source: the encoder output of an encoder-decoder, for one sequence.

    """

    def __init__(
        self,
        model: Transformer,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        seeds: Sequence[int],
        *,
        window: int | None = None,
        source: Source | None = None,
    ) -> None:
        assert all(map(len, prompts)), "a prompt has at least one token, such as BOS"
        self._model, self._sampling, self._source = model, sampling, source
        self._device = model.embedding.weight.device
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._cache = KeyValueCache(len(model.blocks), window)
        self._texts = [list(prompt) for prompt in prompts]
        read = [text[-window:] if window else text for text in self._texts]
        longest = max(map(len, read))
        rows = [[0] * (longest - len(ids)) + ids for ids in read]
        self._unread_BT = torch.tensor(rows, device=self._device)
        self._padding_B1 = torch.tensor([[longest - len(ids)] for ids in read], device=self._device)
        self._is_padded = any(len(ids) < longest for ids in read)

    def next_tokens(self, allowed: Sequence[Tensor]) -> list[SampledToken]:
        """Sample an id for each sequence, given a mask of the ids that are allowed there."""
        sampled: list[SampledToken] = []
        rows = zip(self._next_logits(), allowed, self._generators, self._texts, strict=True)
        for logits_V, allowed_V, generator, text in rows:
            masked_V = logits_V.masked_fill(~allowed_V, -torch.inf)
            token = self._sampling.sample(masked_V, generator, text)
            text.append(token)
            sampled.append(SampledToken(token, float(masked_V.double().softmax(dim=-1)[token])))
        next_ids = [[each.token] for each in sampled]
        self._unread_BT = torch.tensor(next_ids, device=self._device)
        return sampled

    def keep(self, rows: Sequence[int]) -> None:
        """Keep only these sequences, by their present index."""
        if len(rows) == len(self._texts):
            return
        rows_B = torch.tensor(rows, dtype=torch.long, device=self._device)
        self._cache.keep(rows_B)
        self._unread_BT, self._padding_B1 = self._unread_BT[rows_B], self._padding_B1[rows_B]
        self._is_padded = bool(self._padding_B1.any())
        self._generators = [self._generators[row] for row in rows]
        self._texts = [self._texts[row] for row in rows]

    def _next_logits(self) -> Tensor:
        """Read the tokens that are unread, and return the logits after the last, on the CPU."""
        # Not around the full loop: between two ids gradients would be off for the caller.
        with eval_mode(self._model):
            positions_BT = positions_after(self._cache, self._unread_BT)
            visible_B1TS = None
            if self._is_padded:
                visible_B1TS = self._without_padding()
                positions_BT = (positions_BT - self._padding_B1).clamp(min=0)
            x_BTD = self._model.features(
                self._unread_BT,
                positions_BT,
                cache=self._cache,
                source=self._source,
                visible_B1TS=visible_B1TS,
            )
            return self._model.logits(x_BTD[:, -1]).cpu()

    def _without_padding(self) -> Tensor:
        """Return a causal mask, in which padding is a document of its own."""
        past, time = self._cache.length, self._unread_BT.shape[1]
        columns_S = torch.arange(past + time, device=self._device)
        if past:
            assert time == 1, "what was sampled is read at once"
            first = max(0, past + time - self._cache.window) if self._cache.window else 0
            return (columns_S[first:] >= self._padding_B1)[:, None, None]
        return document_mask((columns_S >= self._padding_B1).int())


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
        window: see `SequenceBatch`.

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

    `allowed_next` is which ids may come next; for the others see `SequenceBatch`.
    """
    batch = SequenceBatch(model, [prompt], sampling, [seed], window=window, source=source)
    generated: list[int] = []
    while True:
        (sampled,) = batch.next_tokens([allowed_next(generated)])
        yield sampled
        generated.append(sampled.token)
