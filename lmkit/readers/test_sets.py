r"""Evaluation files: the texts of their items that may occur in training text.

    {"sentence_good": "Who should Derek hug?", "sentence_bad": "Who should hug Derek?", …}
    {"context": "… I don't care about", "continuation": "signs"}
    {"query": "Question: What blocks sunshine?\nChoices: …", "choices": ["A", …], "gold": 0}

Choices:
- The texts of an item are its fields with the usual names for texts; if a record has none of
  those, all fields with four words or more. A label ("syntax_semantics") is not a text.
- What a prompt adds to a question ("Question:", the choices, "Answer:") isn't part of it: a web
  page that contains the question doesn't contain that.
- A context and its continuation are one text. So are an unfinished question and its correct answer:
  "A light year refers to" alone is in any book on the subject.
- A line that is not a JSON object is an error: the files of a test set are few, and written by
  hand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from lmkit.artifacts.inputs import Slice, open_slice
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import LmkitError
from lmkit.storage.byte_lines import lines
from lmkit.storage.byte_ranges import COMPRESSIONS, CorruptInput
from lmkit.storage.json_bytes import from_json

TEXTS = [
    "sentence_good",
    "sentence_bad",
    "text",
    "sentence",
    "sentence1",
    "sentence2",
    "passage",
    "article",
    "story",
    "premise",
    "hypothesis",
    "input",
    "target",
    "prompt",
    "completion",
    "goal",
    "sol1",
    "sol2",
    "ctx",
    "instruction",
    "problem",
    "solution",
    "paragraph",
    "body",
]
"""Fields that hold a text."""
QUESTIONS = ("query", "question")
FEW_WORDS = 4
LABEL = re.compile(r"\s*(?:question|problem|q)\s*:\s*", re.I)
CHOICES_OR_ANSWER = re.compile(r"(?:choices|options|answer|a)\s*:", re.I)
SPACES = re.compile(r"\s+")
FINISHED = re.compile(r"[.?!…][\"'”’)\]]*\s*\Z")  # noqa: RUF001 (this punctuation is intended)


@dataclass(frozen=True)
class Item:
    """An item of a test set."""

    set: str
    name: str
    """Its own id, else the number of its line, from 1."""
    texts: tuple[str, ...]
    """The texts to search for."""


def set_name(part: Slice) -> str:
    """Return the name of a test set: its file, without the endings.

    >>> set_name(Slice(0, "x", "blimp", "island.jsonl.gz", "jsonl", "gzip", 0, 0, 0, 0))
    'blimp/island'
    """
    path = PurePosixPath(part.origin)
    while path.suffix and (path.suffix == ".jsonl" or path.suffix in COMPRESSIONS):
        path = path.with_suffix("")
    return path.name if part.origin == part.source else f"{part.source}/{path}"


def read_items(part: Slice, read_ranges: list[ReadRange], max_record: int) -> Iterator[Item]:
    """Stream the items of an evaluation file."""
    name = set_name(part)
    number = 0
    for source in open_slice(part, read_ranges):
        try:
            for line in lines(source, part.compression, max_record):
                number += 1
                if line.data is not None and not line.data.strip():
                    continue
                record = from_json(line.data or b"")
                if not isinstance(record, dict):
                    raise ValueError("not a JSON object")
                fields = cast(dict[str, Any], record)
                key = next((fields[k] for k in ("id", "pairID") if k in fields), number)
                yield Item(name, str(key), tuple(texts_of(fields)))
        except (ValueError, RecursionError, CorruptInput) as error:
            reason = error.reason if isinstance(error, CorruptInput) else error
            raise LmkitError(
                f"{part.path}: line {number}: {reason}", "an evaluation file holds JSON lines"
            ) from None


def texts_of(record: dict[str, Any]) -> list[str]:
    r"""Return the texts of an item that can be searched for.

    >>> texts_of({"query": "Question: Why?\nAnswer:", "context": "He was", "continuation": "late"})
    ['He was late', 'Why?']
    """
    strings = {name: value for name, value in record.items() if isinstance(value, str)}
    found = [strings[name] for name in TEXTS if name in strings]
    if "context" in strings:
        found.append(f"{strings['context']} {strings.get('continuation', '')}".rstrip())
    found += [_question(strings[name], record) for name in QUESTIONS if name in strings]
    if not found:
        found = [value for value in strings.values() if len(value.split()) >= FEW_WORDS]
    return [text for text in found if text]


def _question(text: str, record: dict[str, Any]) -> str:
    """Return a question without the prompt, with its answer if it is unfinished."""
    label = LABEL.match(text)
    bare = _before_choices(text[label.end() :] if label else text).strip()
    choices, gold = record.get("choices"), record.get("gold")
    if FINISHED.search(bare) or not isinstance(choices, list) or not isinstance(gold, int):
        return bare
    answers = cast(list[Any], choices)
    return f"{bare} {answers[gold]}" if 0 <= gold < len(answers) else bare


def _before_choices(text: str) -> str:
    """Return a prompt up to the line that begins with the choices, or with the answer."""
    for gap in SPACES.finditer(text):
        line = gap[0].find("\n")
        if line >= 0 and CHOICES_OR_ANSWER.match(text, gap.end()):
            return text[: gap.start() + line]
    return text
