r"""The style of lm-evaluation-harness 0.4.13.

    Question: What is warm?\nAnswer: fire\n\nQuestion: What is cold?\nAnswer:  +  " ice", " fire"

Choices:
- Byte for byte as lm-evaluation-harness makes it: an example is its context, the delimiter, the
  right continuation and the example delimiter; the delimiter also begins each continuation.
- Context and continuation are encoded together (token_division.py).
"""

from collections.abc import Iterator, Sequence

from lmkit.evaluation.tasks.few_shot import ExampleSampler
from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.prompt_suffix import with_suffix
from lmkit.evaluation.tasks.styles.task_style import ExamplePool, TaskStyle, solved
from lmkit.evaluation.tasks.task_settings import TaskSettings
from lmkit.evaluation.tasks.token_division import Together


def _rendered(content: Options, settings: TaskSettings) -> Options:
    contexts = tuple(with_suffix(context, settings) for context in content.contexts)
    return content._replace(contexts=contexts)


def _prompts(
    items: Sequence[Item], pool: ExamplePool, settings: TaskSettings
) -> Iterator[tuple[Request, ...]]:
    sampler = ExampleSampler(
        pool.items, settings.shots, is_own=pool.is_own, first=settings.sampler == "first"
    )
    for item in items:
        before = settings.description + "".join(
            solved(example, settings) + settings.example_delimiter
            for example in sampler.sample(item)
        )
        yield tuple(
            Request(before + option.context, settings.delimiter + option.continuation)
            for option in item.options
        )


LM_EVAL = TaskStyle("lm-eval", {}, _rendered, _prompts, Together())
