from collections.abc import Mapping
from typing import Any

import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.item import Request
from lmkit.evaluation.tasks.kinds.registry import kind_of_record
from lmkit.evaluation.tasks.raw_shapes import with_kind_fields
from lmkit.evaluation.tasks.record_fields import RecordFields

LABELLED = {"text": ["ice", "fire"], "label": ["A", "B"]}
RECORDS: dict[str, tuple[dict[str, Any], list[Request], int]] = {
    "arc": (
        {"id": "1", "question": "What is warm?", "choices": LABELLED, "answerKey": "B"},
        [
            Request("Question: What is warm?\nAnswer:", "ice"),
            Request("Question: What is warm?\nAnswer:", "fire"),
        ],
        1,
    ),
    "commonsense_qa": (
        {
            "question": " What is warm? ",
            "question_concept": "warm",
            "choices": LABELLED,
            "answerKey": "A",
        },
        [
            Request("Question: What is warm?\nA. ice\nB. fire\nAnswer:", "A"),
            Request("Question: What is warm?\nA. ice\nB. fire\nAnswer:", "B"),
        ],
        0,
    ),
    "openbookqa": (
        {"question_stem": "Warm is", "choices": LABELLED, "answerKey": "B "},
        [Request("Warm is", "ice"), Request("Warm is", "fire")],
        1,
    ),
    "piqa": (
        {"goal": "Cool it.", "sol1": "use ice", "sol2": "use fire", "label": 0},
        [
            Request("Question: Cool it.\nAnswer:", "use ice"),
            Request("Question: Cool it.\nAnswer:", "use fire"),
        ],
        0,
    ),
    "hellaswag": (
        {
            "activity_label": "Boiling eggs",
            "ctx_a": "How to boil [title] Take a pot.",
            "ctx_b": "the Egg",
            "endings": ["sinks [step] down.", "flies."],
            "label": "0",
        },
        [
            Request("Boiling eggs: How to boil. Take a pot. The egg", "sinks down."),
            Request("Boiling eggs: How to boil. Take a pot. The egg", "flies."),
        ],
        0,
    ),
    "winogrande": (
        {
            "sentence": "Sarah helped Maria so _ was glad.",
            "option1": "Sarah",
            "option2": "Maria",
            "answer": "2",
        },
        [
            Request("Sarah helped Maria so Sarah", "was glad."),
            Request("Sarah helped Maria so Maria", "was glad."),
        ],
        1,
    ),
    "mmlu": (
        {
            "question": "What is warm? ",
            "subject": "physics",
            "choices": ["ice", "snow", "fire", "hail"],
            "answer": 2,
        },
        [
            Request("What is warm?\nA. ice\nB. snow\nC. fire\nD. hail\nAnswer:", letter)
            for letter in "ABCD"
        ],
        2,
    ),
    "lambada_openai": (
        {"text": "In my palm is a stone"},
        [Request("In my palm is a", "stone")],
        0,
    ),
}
"""The prompts are those of lm-evaluation-harness' YAML files."""


@pytest.mark.parametrize("task", RECORDS)
def test_a_published_record_gives_the_prompts_of_lm_evaluation_harness(task: str) -> None:
    record, requests, gold = RECORDS[task]
    fields = with_kind_fields(RecordFields(record, "f"), task)
    contexts, continuations, found, _ = kind_of_record(fields).read(fields)
    count = max(len(contexts), len(continuations))
    pairs = zip(contexts * (count // len(contexts)), continuations * count, strict=False)
    assert [Request(*pair) for pair in pairs] == requests
    assert found == gold


def test_a_text_is_a_completion_only_in_a_file_named_lambada() -> None:
    fields = RecordFields({"text": "a b"}, "f")
    assert with_kind_fields(fields, "wikitext") is fields
    assert with_kind_fields(fields, "eval/lambada_en").values["continuation"] == "b"


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("arc", {"answerKey": "E"}, "answerKey: got 'E', must be one of A, B"),
        ("arc", {"choices": {"text": ["ice"], "label": ["A"]}}, "choices: text: got 1, must be"),
        ("piqa", {"label": 2}, "label: got 2, must be from 0 to 1"),
        ("piqa", {"label": None}, "has no label"),
        ("winogrande", {"answer": ""}, "answer: got '', must be 1 or 2"),
        ("winogrande", {"sentence": "No gap."}, "sentence: must have a _"),
        ("mmlu", {"answer": 4}, "answer: got 4, must be from 0 to 3"),
        ("lambada_openai", {"text": "stone"}, "text: must have two words"),
    ],
)
def test_a_damaged_record_is_an_error(task: str, change: Mapping[str, Any], message: str) -> None:
    record = RECORDS[task][0] | change
    with pytest.raises(InputError) as error:
        with_kind_fields(RecordFields(record, "f: line 1"), task)
    assert message in str(error.value)
