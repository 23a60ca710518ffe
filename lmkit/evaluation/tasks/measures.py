"""What is measured of the answers to a task.

Choices:
- The names and definitions are those of lm-evaluation-harness where it has them. `acc_norm` divides
  by characters, `acc_bytes` by bytes, both without the delimiter; `acc_tokens` divides by tokens,
  as llm-foundry does.
- The first of equally likely options is chosen, as there: a pair of equal likelihoods counts as
  right if its good sentence is the first. The number of ties is reported for that reason.
- `bits_per_byte` of the right answer changes smoothly where accuracy is still at chance: the "task
  loss" of Bhagia et al. (2024, arXiv 2412.04403). The delimiter, a byte, is predicted too and
  counts.
- The standard error of a perplexity is that of the mean log-likelihood, by the delta method. The
  bootstrap of lm-evaluation-harness takes longer than computing the likelihoods.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lmkit.evaluation.tasks.item import Answer

OptionLength = Callable[[str, int], int]
"""From a continuation and its number of tokens to what its log-likelihood is divided by."""


@dataclass(frozen=True)
class Measure:
    """A number for each answer, and how these are summarized."""

    of_answer: Callable[[Answer], float]
    weight: Callable[[Answer], float] | None = None
    """With it the value is a ratio of sums, which has no standard error; else a mean."""
    is_exponential: bool = False
    """Whether the value is the exponential of the mean or of the ratio."""


def chosen(answer: Answer, length: OptionLength | None = None) -> int:
    """Return the index of the most likely option; the first of equal ones."""
    best, best_value = 0, -math.inf
    options = zip(answer.item.options, answer.scored, strict=True)
    for number, (option, scored) in enumerate(options):
        value = scored.log_likelihood
        if length is not None:
            value /= length(option.continuation, scored.tokens)
        if value > best_value:
            best, best_value = number, value
    return best


def _accuracy(length: OptionLength | None = None) -> Measure:
    return Measure(lambda answer: float(chosen(answer, length) in answer.item.right))


def by_tokens(_: str, tokens: int) -> int:
    """Return the number of tokens of an option."""
    return tokens


def bits_per_byte(answer: Answer) -> float:
    """Return the bits per byte of the right answer, its delimiter included."""
    delimiter = 1
    return -answer.gold.log_likelihood / math.log(2) / (bytes_of(answer) + delimiter)


def bytes_of(answer: Answer) -> int:
    """Return the bytes of the right answer in UTF-8."""
    return len(answer.text.encode("utf-8", "replace"))


def _probability(answer: Answer) -> float:
    """Return the softmax of the log-likelihoods at the right option, or the sum at several."""
    best = max(each.log_likelihood for each in answer.scored)
    if math.isinf(best):
        return len(answer.item.right) / len(answer.scored)
    weights = [math.exp(each.log_likelihood - best) for each in answer.scored]
    return math.fsum(weights[number] for number in answer.item.right) / math.fsum(weights)


def _nats(answer: Answer) -> float:
    return -answer.gold.log_likelihood


def _words(answer: Answer) -> int:
    return len(re.split(r"\s+", answer.text))


ACC = _accuracy()
ACC_NORM = _accuracy(lambda text, _: len(text))
ACC_BYTES = _accuracy(lambda text, _: len(text.encode("utf-8", "replace")))
ACC_TOKENS = _accuracy(by_tokens)
GREEDY = Measure(lambda answer: float(answer.gold.is_greedy))
PROBABILITY = Measure(_probability)
BITS_PER_BYTE = Measure(bits_per_byte)
PERPLEXITY = Measure(_nats, is_exponential=True)
TEXT_BITS_PER_BYTE = Measure(lambda answer: _nats(answer) / math.log(2), bytes_of)
BYTE_PERPLEXITY = Measure(_nats, bytes_of, is_exponential=True)
WORD_PERPLEXITY = Measure(_nats, _words, is_exponential=True)


@dataclass(frozen=True)
class Estimate:
    """A value, and its standard error where there is one."""

    value: float
    stderr: float | None


def estimate(measure: Measure, answers: Sequence[Answer]) -> Estimate:
    """Summarize a measure over answers, of which there is at least one."""
    numbers = [measure.of_answer(answer) for answer in answers]
    if measure.weight is not None:
        ratio = math.fsum(numbers) / math.fsum(map(measure.weight, answers))
        return Estimate(_exp(ratio) if measure.is_exponential else ratio, None)
    found = mean(numbers)
    if not measure.is_exponential:
        return found
    value = _exp(found.value)
    return Estimate(value, None if found.stderr is None else value * found.stderr)


def mean(numbers: Sequence[float]) -> Estimate:
    """Return the mean of numbers and its standard error, None for a single number.

    >>> mean([1, 1, 1, 0]), mean([2])
    (Estimate(value=0.75, stderr=0.25), Estimate(value=2.0, stderr=None))
    """
    count = len(numbers)
    value = math.fsum(numbers) / count
    if count == 1:
        return Estimate(value, None)
    variance = math.fsum((number - value) ** 2 for number in numbers) / (count - 1)
    return Estimate(value, math.sqrt(variance / count))


def pooled(estimates: Sequence[tuple[Estimate, int]]) -> Estimate:
    """Return the unweighted mean of tasks' values with the pooled standard error of their items.

    As lm-evaluation-harness computes it for groups of tasks; `estimates` are those of the tasks,
    each with its number of items.
    """
    value = math.fsum(each.value for each, _ in estimates) / len(estimates)
    total = sum(items for _, items in estimates)
    known = [(each.stderr, items) for each, items in estimates if each.stderr is not None]
    if len(known) < len(estimates) or total == len(estimates):
        return Estimate(value, None)
    squares = math.fsum((items - 1) * stderr**2 * items for stderr, items in known)
    return Estimate(value, math.sqrt(squares / (total - len(estimates)) / total))


def centered(value: float, chance: float) -> float | None:
    """Return how far an accuracy is from chance (0) to perfect (1); None if chance is perfect.

    >>> round(centered(0.40, 0.25), 6)
    0.2
    """
    return (value - chance) / (1 - chance) if chance < 1 else None


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
