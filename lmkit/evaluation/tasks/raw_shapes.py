r"""The records of well-known benchmarks, as they are published, turned into those of a kind.

    ARC             {"question", "choices": {"text", "label"}, "answerKey"}
    CommonsenseQA   the same, and "question_concept"
    OpenBookQA      {"question_stem", "choices": {"text", "label"}, "answerKey"}
    PIQA            {"goal", "sol1", "sol2", "label"}
    HellaSwag       {"activity_label", "ctx_a", "ctx_b", "endings", "label"}
    WinoGrande      {"sentence", "option1", "option2", "answer"}
    MMLU            {"question", "choices": […], "answer"}
    LAMBADA         {"text"}, in a file whose name begins with "lambada"

Choices:
- Prompts are those of lm-evaluation-harness 0.4.13, byte for byte.
- LAMBADA's records can't be told from any other texts; only the name of the file can.
- A benchmark that isn't here needs no code: a TOML file next to it describes its prompts.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lmkit.evaluation.tasks.record_fields import LETTERS, RecordFields


@dataclass(frozen=True)
class RawShape:
    """The records of a benchmark."""

    keys: tuple[str, ...]
    convert: Callable[[RecordFields], Mapping[str, Any]]
    """Returns the fields of the record's kind. Raises InputError."""
    has_labelled_choices: bool = False
    """Whether `choices` is a table of texts and labels."""
    name_begins_with: str = ""

    def matches(self, fields: RecordFields, task: str) -> bool:
        """Return whether a record of a task has this shape."""
        labelled = isinstance(fields.values.get("choices"), Mapping)
        last_name = task.rpartition("/")[2].lower()
        return (
            fields.has(*self.keys)
            and last_name.startswith(self.name_begins_with)
            and ("choices" not in self.keys or labelled is self.has_labelled_choices)
        )


BRACKETED = re.compile(r"\[[^\]\n]*+(\])?")
r"""What `\[.*?\]` matches, and what of a line comes after a bracket that is never closed: that is
text, and not searched again from its next bracket."""


def with_kind_fields(fields: RecordFields, task: str) -> RecordFields:
    """Return a record with the fields of its kind, if it has a known shape. Raises InputError."""
    for shape in SHAPES:
        if shape.matches(fields, task):
            return RecordFields(shape.convert(fields), fields.where)
    return fields


def _labelled(fields: RecordFields) -> tuple[tuple[str, ...], int]:
    """Return the texts of labelled choices, and the index of the right one."""
    inner = RecordFields(cast(Mapping[str, Any], fields.any("choices")), f"{fields.where}: choices")
    choices, labels = inner.texts("text"), inner.texts("label")
    key = fields.text("answerKey").strip()
    if key not in labels or len(labels) != len(choices):
        raise fields.wrong(f"answerKey: got {key!r}, must be one of {', '.join(labels)}")
    return choices, labels.index(key)


def _arc(fields: RecordFields) -> Mapping[str, Any]:
    choices, gold = _labelled(fields)
    return _choice(f"Question: {fields.text('question')}\nAnswer:", choices, gold)


def _commonsense_qa(fields: RecordFields) -> Mapping[str, Any]:
    choices, gold = _labelled(fields)
    return _by_letters(f"Question: {fields.text('question').strip()}", choices, gold)


def _openbook_qa(fields: RecordFields) -> Mapping[str, Any]:
    choices, gold = _labelled(fields)
    return _choice(fields.text("question_stem"), choices, gold)


def _mmlu(fields: RecordFields) -> Mapping[str, Any]:
    choices = fields.texts("choices")
    gold = fields.index(("answer",), choices)
    return _by_letters(fields.text("question").strip(), choices, gold)


def _piqa(fields: RecordFields) -> Mapping[str, Any]:
    choices = (fields.text("sol1"), fields.text("sol2"))
    gold = fields.index(("label",), choices)
    return _choice(f"Question: {fields.text('goal')}\nAnswer:", choices, gold)


def _hellaswag(fields: RecordFields) -> Mapping[str, Any]:
    context = f"{fields.text('ctx_a')} {fields.text('ctx_b').capitalize()}"
    endings = tuple(map(_without_markup, fields.texts("endings")))
    query = _without_markup(f"{fields.text('activity_label')}: {context}")
    return _choice(query, endings, fields.index(("label",), endings))


def _without_markup(text: str) -> str:
    """Remove the markup of WikiHow, as lm-evaluation-harness does.

    >>> _without_markup(" Boil eggs [title] Take [substeps] a  pot. ")
    'Boil eggs. Take a pot.'
    """
    text = text.strip().replace(" [title]", ". ")
    return BRACKETED.sub(lambda found: "" if found[1] else found[0], text).replace("  ", " ")


def _winogrande(fields: RecordFields) -> Mapping[str, Any]:
    sentence = fields.text("sentence")
    before, gap, after = sentence.partition("_")
    if not gap or not after.strip():
        raise fields.wrong("sentence: must have a _ and text after it")
    answer = str(fields.any("answer")).strip()
    if answer not in {"1", "2"}:
        raise fields.wrong(f"answer: got {answer!r}, must be 1 or 2")
    contexts = [before + fields.text("option1"), before + fields.text("option2")]
    return {"context_options": contexts, "continuation": after.strip(), "gold": int(answer) - 1}


def _lambada(fields: RecordFields) -> Mapping[str, Any]:
    context, blank, word = fields.text("text").rpartition(" ")
    if not blank or not word.strip():
        raise fields.wrong("text: must have two words or more, and none but a space after them")
    return {"context": context, "continuation": word}


def _choice(query: str, choices: tuple[str, ...], gold: int) -> Mapping[str, Any]:
    return {"query": query, "choices": choices, "gold": gold}


def _by_letters(question: str, choices: tuple[str, ...], gold: int) -> Mapping[str, Any]:
    """Return a question that lists the choices, and letters as its answers."""
    letters = tuple(LETTERS[: len(choices)])
    listed = "\n".join(f"{letter}. {choice}" for letter, choice in zip(letters, choices))  # noqa: B905
    return _choice(f"{question}\n{listed}\nAnswer:", letters, gold)


SHAPES = (
    RawShape(
        ("question", "question_concept", "choices", "answerKey"),
        _commonsense_qa,
        has_labelled_choices=True,
    ),
    RawShape(("question", "choices", "answerKey"), _arc, has_labelled_choices=True),
    RawShape(("question_stem", "choices", "answerKey"), _openbook_qa, has_labelled_choices=True),
    RawShape(("goal", "sol1", "sol2"), _piqa),
    RawShape(("activity_label", "ctx_a", "ctx_b", "endings"), _hellaswag),
    RawShape(("sentence", "option1", "option2"), _winogrande),
    RawShape(("question", "choices", "answer"), _mmlu),
    RawShape(("text",), _lambada, name_begins_with="lambada"),
)
"""A shape that has all fields of another comes first."""
