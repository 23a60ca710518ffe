r"""The text of a prompt: description, examples, question; and what may follow.

    Question: What is warm?\nAnswer: fire\n\nQuestion: What is cold?\nAnswer:  +  " ice", " fire"

Choices:
- Byte for byte as lm-evaluation-harness makes it: an example is its context, the delimiter, the
  right continuation and the example delimiter; the delimiter also begins each continuation.
- llm-foundry's files of ARC and PIQA lack the "Answer:" that the same questions have elsewhere:
  there the yaml of a task adds it. It is added here, unless a prompt suffix is given.
"""

from collections.abc import Iterator, Sequence

from lmkit.evaluation.tasks.few_shot import ExampleSampler
from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.task_settings import TaskSettings

QUESTION, ANSWER = "Question:", "Answer:"


def with_suffix(context: str, settings: TaskSettings) -> str:
    r"""Return a context with the prompt suffix.

    >>> with_suffix("Question: Why? ", TaskSettings())
    'Question: Why?\nAnswer:'
    >>> with_suffix("Why?", TaskSettings()), with_suffix("Why?", TaskSettings(prompt_suffix=" A:"))
    ('Why?', 'Why? A:')
    """
    if settings.prompt_suffix in {None, "none"}:
        return context
    if settings.prompt_suffix != "auto":
        return f"{context}{settings.prompt_suffix}"
    has_answer = ANSWER in context or ANSWER in settings.delimiter
    if context.startswith(QUESTION) and not has_answer:
        return f"{context.strip()}\n{ANSWER}"
    return context


def prompts(
    items: Sequence[Item], sampler: ExampleSampler, settings: TaskSettings
) -> Iterator[tuple[Request, ...]]:
    """Yield the requests of each item, in order."""
    for item in items:
        examples = "".join(_solved(example, settings) for example in sampler.sample(item))
        before = settings.description + examples
        yield tuple(
            Request(before + option.context, settings.delimiter + option.continuation)
            for option in item.options
        )


def _solved(item: Item, settings: TaskSettings) -> str:
    option = item.options[item.gold]
    text = option.context + settings.delimiter + option.continuation
    return text + settings.example_delimiter
