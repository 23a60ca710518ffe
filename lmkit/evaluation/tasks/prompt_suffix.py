r"""What ends a question.

Choice: llm-foundry's files of ARC and PIQA lack the "Answer:" that the same questions have
elsewhere: there the yaml of a task adds it. It is added here, unless a prompt suffix is given.
"""

from lmkit.evaluation.tasks.task_settings import TaskSettings

QUESTION, ANSWER = "Question:", "Answer:"


def with_suffix(context: str, settings: TaskSettings, *, keep_blanks: bool = False) -> str:
    r"""Return a context with the prompt suffix.

    `keep_blanks` keeps white space at the ends of a question that lacks its "Answer:".

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
        return f"{context if keep_blanks else context.strip()}\n{ANSWER}"
    return context
