"""Failures of the tokenizers library, as errors that name the text.

Choices:
- A stranger's tokenizer.json can make the library fail on some text only: a regular expression
  reaches the limit of its engine, or a word has no token and there is none for unknown ones. Some
  of that is a panic of Rust, which reaches Python as a BaseException and ends a process with its
  traceback; here it is an error like any other.
- After a batch has failed its texts are tried one at a time: the error says which one it is.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from lmkit.errors import LmkitError

ResultT = TypeVar("ResultT")
SHOWN = 40
"""Characters of a text in a message."""


class TextFailedError(LmkitError):
    """The tokenizer failed on a text; `index` is its number among those that were given."""

    def __init__(self, index: int, text: str, problem: str) -> None:
        text = text[:SHOWN]
        super().__init__(
            f"the tokenizer failed on the text {text!a}: {problem}",
            "its tokenizer.json is damaged, or was not made for such texts: use another tokenizer, "
            "or leave the document out",
        )
        self.args = (index, text, problem)  # what a worker process sends
        self.index, self.problem = index, problem

    def in_document(self, name: str) -> LmkitError:
        """Return the error that names the document instead of its text."""
        return LmkitError(f"document {name!a}: the tokenizer failed: {self.problem}", self.hint)


def named(work: Callable[[list[str]], ResultT], texts: Sequence[str]) -> ResultT:
    """Return what `work` makes of the texts; TextFailedError names the text that it fails on."""
    try:
        return work(list(texts))
    except BaseException as error:
        if not is_failure(error):
            raise
        for number, text in enumerate(texts if len(texts) > 1 else ()):
            try:
                work([text])
            except BaseException as single:
                if not is_failure(single):
                    raise
                raise TextFailedError(number, text, problem_of(single)) from None
        raise TextFailedError(0, next(iter(texts), ""), problem_of(error)) from None


def is_failure(error: BaseException) -> bool:
    """Return whether an error comes from the library; a panic of it is no Exception."""
    of_others = (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, LmkitError)
    return not isinstance(error, of_others)


def problem_of(error: BaseException) -> str:
    """Return the first line of a message, without the Rust source that it is from."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200]
