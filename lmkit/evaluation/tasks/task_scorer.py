"""A model's answers to tasks.

Choices:
- Items are scored some at a time, so that a large task needs no more memory than a small one; the
  answers are in the order of the items.
- How a text is scored follows from what the model predicts. A decoder, and an encoder with two
  streams, give likelihoods; an encoder with masks gives pseudo-log-likelihoods; an encoder-decoder
  gives the likelihood of a continuation after a source.
- An encoder reads EOS too, which needs room; an encoder-decoder also a sentinel.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from lmkit.errors import ConfigError
from lmkit.evaluation.tasks.item import Answer, Item, Request, Scored
from lmkit.evaluation.tasks.likelihoods.decoder_likelihood import DecoderLikelihood
from lmkit.evaluation.tasks.likelihoods.encoder_decoder_likelihood import (
    EncoderDecoderLikelihood,
    SourceFormat,
)
from lmkit.evaluation.tasks.likelihoods.masked_likelihood import MaskedLikelihood
from lmkit.evaluation.tasks.likelihoods.permutation_likelihood import PermutationLikelihood
from lmkit.evaluation.tasks.likelihoods.target_likelihood import SpanLikelihood, SpanLikelihoods
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.styles.lm_eval import LM_EVAL
from lmkit.evaluation.tasks.task_file import Task
from lmkit.evaluation.tasks.token_division import Apart
from lmkit.evaluation.tasks.token_spans import EncodedRequest, RequestEncoder
from lmkit.model.transformer import Transformer
from lmkit.objectives.objective import Objective, Packing, required
from lmkit.objectives.prompt_formats import Continuation, MaskedSpans, Masks
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.word_boundaries import WordBoundaries

ITEMS_AT_A_TIME = 512
Block = Sequence[tuple[Item, tuple[Request, ...]]]
"""Items that are scored together, with the requests of each."""


@dataclass(frozen=True)
class TaskScorer:
    """Answers tasks with the likelihoods of their options."""

    encoder: RequestEncoder
    likelihoods: SpanLikelihoods
    method: str = "likelihood"
    """What is computed, for scores.json."""

    def answers(self, task: Task, step: Callable[[], None] = lambda: None) -> Iterator[Answer]:
        """Yield the answer to each item, in order; call `step` after each. Raises InputError."""
        for block in blocks(task):
            yield from self.block_answers(task, block, step)

    def block_answers(
        self, task: Task, block: Block, step: Callable[[], None] = lambda: None
    ) -> Iterator[Answer]:
        """Yield the answers to a block of a task's items. Raises InputError."""
        groups = [requests for _, requests in block]
        where = [f"{task.path}: line {item.line}" for item, _ in block]
        division = task.style.division
        encoded = self.encoder.encoded(groups, where, division, whole=task.kind.is_whole_text)
        found = iter(self.likelihoods([[r.spans for r in item] for item in encoded]))
        for (item, _), requests in zip(block, encoded, strict=True):
            yield Answer(item, tuple(_scored(request, found) for request in requests))
            step()


def blocks(task: Task) -> Iterator[Block]:
    """Yield the items of a task with their requests, some at a time."""
    pairs = zip(task.items, task.requests(), strict=True)
    while block := list(islice(pairs, ITEMS_AT_A_TIME)):
        yield block


def _scored(request: EncodedRequest, found: Iterator[SpanLikelihood]) -> Scored:
    """Sum the spans of a request."""
    likelihoods = [next(found) for _ in request.spans]
    return Scored(
        sum(each.log_likelihood for each in likelihoods),
        all(each.is_greedy for each in likelihoods),
        request.target_count,
        request.is_cut,
        request.has_seam,
    )


@dataclass(frozen=True)
class ScoredModel:
    """A model with what is needed to score texts."""

    model: Transformer
    tokenizer: Tokenizer
    objective: Objective[Any]
    packing: Packing
    longest: int
    """Most tokens that it reads at once."""


def task_scorer(
    scored: ScoredModel,
    options: TaskOptions,
    precision: Literal["fp32", "bf16"] = "fp32",
    micro_batch: int | None = None,
) -> TaskScorer:
    """Return what answers tasks with a model. Raises ConfigError if it can't."""
    model, tokenizer, packing = scored.model, scored.tokenizer, scored.packing
    encode, longest = tokenizer.encode_batch, scored.longest
    prompt_format = scored.objective.prompt_format(packing)
    if options.style != LM_EVAL.name and not isinstance(prompt_format, Continuation):
        raise ConfigError(
            f"--style: got {options.style}, and {options.style} scores decoders; a run with "
            f"--objective {scored.objective.name} isn't one",
            f"leave it out, or give --style {LM_EVAL.name}",
        )
    match prompt_format:
        case Continuation():
            encoder = RequestEncoder(encode, packing.bos, _prefix(scored), longest)
            return TaskScorer(encoder, DecoderLikelihood(model, precision, micro_batch))
        case Masks(two_streams=True):
            encoder = RequestEncoder(encode, packing.bos, _prefix(scored), longest - 1)
            return TaskScorer(encoder, PermutationLikelihood(model, precision, micro_batch))
        case Masks():
            mask = required(tokenizer.mask, "a mask token", "--task")
            words = WordBoundaries.of(tokenizer)
            encoder = RequestEncoder(encode, packing.bos, _prefix(scored), longest - 2)
            likelihoods = MaskedLikelihood(
                model, mask, packing.eos, words, options.pll, precision, micro_batch
            )
            return TaskScorer(encoder, likelihoods, f"pll {options.pll}")
        case MaskedSpans(style):
            source_format = _source_format(tokenizer, style, options.how)
            apart = source_format.target_begins_with != "context"  # else it is one text
            division = Apart() if apart else None
            encoder = RequestEncoder(encode, None, source_format.eos, longest - 2, division)
            decoded = EncoderDecoderLikelihood(model, source_format, precision, micro_batch)
            return TaskScorer(encoder, decoded, f"likelihood {options.how}")
        case None:
            raise ConfigError(
                f"--task: a run with --objective {scored.objective.name} has learned no format of "
                "a prompt, so it can't answer tasks",
                "score it with --data",
            )


def _prefix(scored: ScoredModel) -> int:
    """Return the token before a text without a context. Raises ConfigError if there is none."""
    packing, tokenizer = scored.packing, scored.tokenizer
    ids = (packing.bos, tokenizer.bos, packing.eos, tokenizer.eos)
    prefix = next((token for token in ids if token is not None), None)
    if prefix is None:
        raise ConfigError(
            "--task: the tokenizer has neither BOS nor EOS, one of which precedes a first token",
            "train with a tokenizer that has one",
        )
    return prefix


def _source_format(
    tokenizer: Tokenizer, style: Literal["t5", "bart"], how: Literal["sentinel", "lm-eval"]
) -> SourceFormat:
    start = required(tokenizer.pad, "a padding token", "--task")
    eos = required(tokenizer.eos, "an EOS token", "--task")
    if how == "lm-eval":
        alone = eos if tokenizer.bos is None else tokenizer.bos
        return SourceFormat(start, eos, None, "nothing", without_context=alone)
    if style == "t5":
        return SourceFormat(start, eos, tokenizer.sentinels[0], "sentinel")
    return SourceFormat(start, eos, required(tokenizer.mask, "a mask token", "--task"), "context")
