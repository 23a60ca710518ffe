r"""The style of nanochat's CORE (nanochat/core_eval.py), the score of DCLM's low-variance tasks.

    Li et al. (2024), DataComp-LM, arXiv 2406.11794: 22 tasks of llm-foundry; the score is the mean
    of their centered accuracies, which is that of a group.

Choices, all of them nanochat's:
- Items are shuffled with a fixed seed, so `--limit` takes a sample of a file. Each has a generator
  of its own for its examples, which are drawn from the other items.
- The whole text of each option is encoded. Options of a question are compared on the tokens after
  those that they all begin with; schemas on those that all their options end with.
- The option whose compared tokens are most likely on average is chosen. A completion is right where
  each token is the most likely one.
- A token stands before every text, BOS, or EOS where there is none.
- A request that is too long loses its start, so that its last token fits into the model, too.

Where one option's tokens are the beginning of another's, nanochat compares with the mean of no
tokens, which is not a number; here the last of the common tokens is compared, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from lmkit.evaluation.tasks.few_shot import SEED
from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.measures import ACC_TOKENS, GREEDY, PERPLEXITY, by_tokens
from lmkit.evaluation.tasks.prompt_suffix import with_suffix
from lmkit.evaluation.tasks.styles.task_style import ExamplePool, TaskStyle, solved
from lmkit.evaluation.tasks.task_settings import TaskSettings
from lmkit.evaluation.tasks.token_division import DividedTokens, TokenIds

SHUFFLE_SEED = 1337


def _ordered(items: Sequence[Item]) -> Sequence[Item]:
    shuffled = list(items)
    Random(SHUFFLE_SEED).shuffle(shuffled)
    return shuffled


def _rendered(content: Options, settings: TaskSettings) -> Options:
    if len(content.contexts) > 1:
        return content
    contexts = content.contexts
    if len(content.continuations) == 1:
        contexts = tuple(context.strip() for context in contexts)
    asked = tuple(with_suffix(context, settings, keep_blanks=True) for context in contexts)
    return content._replace(contexts=asked)


def _prompts(
    items: Sequence[Item], pool: ExamplePool, settings: TaskSettings
) -> Iterator[tuple[Request, ...]]:
    for number, item in enumerate(items):
        numbers = [n for n in range(len(pool.items)) if not (pool.is_own and n == number)]
        if settings.sampler == "first":
            drawn = numbers[: settings.shots]
        else:
            drawn = Random(SEED + number).sample(numbers, settings.shots)
        before = settings.description + "".join(
            solved(pool.items[each], settings) + settings.example_delimiter for each in drawn
        )
        yield tuple(
            Request(before + option.context + settings.delimiter, option.continuation)
            for option in item.options
        )


class ByDifference:
    """Options are compared where their tokens differ."""

    always_begins = True

    def texts(self, requests: Sequence[Request]) -> Iterable[str]:
        """Return the whole texts, and the context of a completion."""
        for context, continuation, _ in requests:
            yield context + continuation
            if len(requests) == 1:
                yield context.strip()

    def divide(
        self, requests: Sequence[Request], known: Mapping[str, TokenIds]
    ) -> list[DividedTokens]:
        """Divide all options of an item."""
        whole = [known[request.context + request.continuation] for request in requests]
        if len(requests) == 1:
            own = known[requests[0].context.strip()]
            has_seam = whole[0][: len(own)] != own
            return [DividedTokens(own, whole[0][len(own) :], has_seam)]
        if len({request.continuation for request in requests}) == 1:
            count = max(1, _common([each[::-1] for each in whole]))
            return [DividedTokens(each[:-count], each[-count:]) for each in whole]
        count = max(0, min(_common(whole), min(map(len, whole)) - 1))
        return [DividedTokens(each[:count], each[count:]) for each in whole]

    def room(self, longest: int, _targets: int, /) -> int:
        """Return the tokens that fit into the model, the last one too."""
        return longest


def _common(sequences: Sequence[TokenIds]) -> int:
    """Return how many tokens all sequences begin with.

    >>> _common([(1, 2, 3), (1, 2, 4), (1, 2)])
    2
    """
    count = 0
    for tokens in zip(*sequences):  # noqa: B905 (up to the end of the shortest)
        if len(set(tokens)) > 1:
            break
        count += 1
    return count


CORE = TaskStyle(
    "core",
    {},
    _rendered,
    _prompts,
    ByDifference(),
    measures={
        "choice": {"acc": ACC_TOKENS},
        "schema": {"acc": ACC_TOKENS},
        "completion": {"acc": GREEDY, "perplexity": PERPLEXITY},
    },
    option_length=by_tokens,
    ordered=_ordered,
)
