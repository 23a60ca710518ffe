r"""The style of llm-foundry (its eval/datasets/in_context_learning_evaluation.py).

    Question: warm?\nAnswer: fire  |  \nQuestion: cold?\nAnswer:  |  " ice", " fire"

Choices, all of them llm-foundry's:
- Examples, question and answer are encoded by themselves. An answer begins with a space where the
  tokenizer makes one token of " a".
- The example delimiter, a new line, stands between examples and question, and after a description.
- A question loses the white space at its ends, and what the delimiter adds to it.
- Schemas without examples or a description have no delimiter before the continuation.
- Examples are drawn from the task itself by one generator for all its items; an item among them is
  replaced by another draw, and they stand in the order of a Python set of their numbers.
- The option whose tokens are most likely on average is chosen. A completion is right where each
  token is the most likely one.
- A request that is too long loses its start, so that its last token fits into the model, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from lmkit.evaluation.tasks.few_shot import SEED
from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.measures import (
    ACC_TOKENS,
    BITS_PER_BYTE,
    GREEDY,
    PERPLEXITY,
    by_tokens,
)
from lmkit.evaluation.tasks.prompt_suffix import with_suffix
from lmkit.evaluation.tasks.styles.task_style import ExamplePool, TaskStyle, solved
from lmkit.evaluation.tasks.task_settings import TaskSettings
from lmkit.evaluation.tasks.token_division import DividedTokens, TokenIds

BLANK_AND_LETTER = " a"


def _rendered(content: Options, settings: TaskSettings) -> Options:
    if len(content.contexts) > 1:
        return content
    contexts = tuple(with_suffix(context.strip(), settings) for context in content.contexts)
    return content._replace(contexts=contexts)


def _prompts(
    items: Sequence[Item], pool: ExamplePool, settings: TaskSettings
) -> Iterator[tuple[Request, ...]]:
    sampler = _ExampleSampler(pool, settings)
    for number, item in enumerate(items):
        before = settings.description
        for example in sampler.sample(number):
            before += settings.example_delimiter if before else ""
            before += solved(example, settings)
        yield tuple(_request(before, option, item, settings) for option in item.options)


def _request(before: str, option: Request, item: Item, settings: TaskSettings) -> Request:
    context, between = option.context, settings.example_delimiter if before else ""
    if len(item.contexts) == 1:
        context = (between + context + settings.delimiter).rstrip()
    elif before:
        context = between + context + settings.delimiter.rstrip()
    return Request(context, option.continuation, before)


class _ExampleSampler:
    """Draws the numbers of examples as llm-foundry does."""

    def __init__(self, pool: ExamplePool, settings: TaskSettings) -> None:
        self._pool, self._shots = pool, settings.shots
        self._is_first = settings.sampler == "first"
        self._random = Random(SEED)

    def sample(self, number: int) -> list[Item]:
        """Return the examples of an item, given its number in the task."""
        items, is_own = self._pool
        if not self._shots:
            return []
        if self._is_first:
            numbers = [each for each in range(len(items)) if not (is_own and each == number)]
            return [items[each] for each in numbers[: self._shots]]
        drawn = set(self._random.sample(range(len(items)), self._shots))
        if is_own and number in drawn:
            drawn.remove(number)
            other = number
            while other in drawn or other == number:
                other = self._random.choice(range(len(items)))
            drawn.add(other)
        return [items[each] for each in drawn]


class ByParts:
    """Examples, question and answer are encoded by themselves."""

    always_begins = False

    def texts(self, requests: Sequence[Request]) -> Iterable[str]:
        """Return the parts, and answers with a space before them."""
        yield BLANK_AND_LETTER
        for request in requests:
            yield from (request.before, request.context)
            yield from (request.continuation, _with_blank(request.continuation))

    def divide(
        self, requests: Sequence[Request], known: Mapping[str, TokenIds]
    ) -> list[DividedTokens]:
        """Put the tokens of the parts together."""
        has_blank = len(known[BLANK_AND_LETTER]) == 1
        found: list[DividedTokens] = []
        for context, continuation, before in requests:
            answer = _with_blank(continuation) if has_blank else continuation
            found.append(DividedTokens((*known[before], *known[context]), known[answer]))
        return found

    def room(self, longest: int, _targets: int, /) -> int:
        """Return the tokens that fit into the model, the last one too."""
        return longest


def _with_blank(text: str) -> str:
    return text if text.startswith(" ") else f" {text}"


_CHOSEN = {"acc": ACC_TOKENS, "bits_per_byte": BITS_PER_BYTE}

LLM_FOUNDRY = TaskStyle(
    "llm-foundry",
    {"example_delimiter": "\n"},
    _rendered,
    _prompts,
    ByParts(),
    measures={
        "choice": _CHOSEN,
        "schema": _CHOSEN,
        "completion": {"acc": GREEDY, "perplexity": PERPLEXITY, "bits_per_byte": BITS_PER_BYTE},
    },
    option_length=by_tokens,
)
