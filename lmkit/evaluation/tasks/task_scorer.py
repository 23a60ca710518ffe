"""A model's answers to tasks.

Choices:
- Items are scored some at a time, so that a large task needs no more memory than a small one; the
  answers are in the order of the items.
- Only a model that predicts the next token has the likelihood of a text. What an encoder or an
  encoder-decoder gives instead depends on a choice that isn't made here yet: an error says so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lmkit.errors import ConfigError
from lmkit.evaluation.tasks.decoder_likelihood import SpanLikelihood, SpanLikelihoods
from lmkit.evaluation.tasks.item import Answer, Scored
from lmkit.evaluation.tasks.task_file import Task
from lmkit.evaluation.tasks.token_spans import EncodedRequest, RequestEncoder
from lmkit.objectives.objective import Objective, Packing
from lmkit.objectives.prompt_formats import Continuation
from lmkit.tokenizers.tokenizer import Tokenizer

ITEMS_AT_A_TIME = 512


@dataclass(frozen=True)
class TaskScorer:
    """Answers tasks with the likelihoods of their options."""

    encoder: RequestEncoder
    likelihoods: SpanLikelihoods

    def answers(self, task: Task, step: Callable[[], None] = lambda: None) -> Iterator[Answer]:
        """Yield the answer to each item, in order; call `step` after each. Raises InputError."""
        pairs = zip(task.items, task.requests(), strict=True)
        while some := list(islice(pairs, ITEMS_AT_A_TIME)):
            groups = [requests for _, requests in some]
            where = [f"{task.path}: line {item.line}" for item, _ in some]
            encoded = self.encoder.encoded(groups, where, whole=task.kind.is_whole_text)
            found = iter(self.likelihoods([[r.spans for r in item] for item in encoded]))
            for (item, _), requests in zip(some, encoded, strict=True):
                yield Answer(item, tuple(_scored(request, found) for request in requests))
                step()


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


def request_encoder(
    objective: Objective[Any], tokenizer: Tokenizer, packing: Packing, longest: int
) -> RequestEncoder:
    """Return the encoder of requests for a model. Raises ConfigError if it can't answer tasks."""
    if not isinstance(objective.prompt_format(packing), Continuation):
        raise ConfigError(
            f"--task: a run with --objective {objective.name} predicts no next token, which is how "
            "tasks are scored",
            "score it with --data",
        )
    ids = (packing.bos, tokenizer.bos, packing.eos, tokenizer.eos)
    prefix = next((token for token in ids if token is not None), None)
    if prefix is None:
        raise ConfigError(
            "--task: the tokenizer has neither BOS nor EOS, one of which precedes a first token",
            "train with a tokenizer that has one",
        )
    return RequestEncoder(tokenizer.encode_batch, packing.bos, prefix, longest)
