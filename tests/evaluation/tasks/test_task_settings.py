from pathlib import Path

import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.record_fields import RecordFields
from lmkit.evaluation.tasks.task_settings import TaskSettings, filled, read_settings


def settings(here: Path, text: str) -> TaskSettings:
    path = here / "task.toml"
    path.write_text(text)
    return read_settings(path)


def test_templates_make_the_fields_of_a_kind(here: Path) -> None:
    found = settings(
        here,
        'context = "Q: {q.text}\\nA:"\nchoices = ["{one}", "{two}!"]\ngold = "q.right"\n'
        "random_baseline = 0.4",
    )
    record = {"q": {"text": "Why?", "right": 1}, "one": "a", "two": 2}
    assert found.rendered(RecordFields(record, "f")).values == {
        "context": "Q: Why?\nA:",
        "choices": ["a", "2!"],
        "gold": 1,
    }
    assert found.random_baseline == 0.4


def test_choices_may_be_a_list_of_the_record(here: Path) -> None:
    found = settings(here, 'context = "{q}"\nchoices = "{options}"')
    assert found.rendered(RecordFields({"q": "", "options": ["a"]}, "f")).values["choices"] == ["a"]


def test_other_braces_are_text_and_unknown_fields_an_error() -> None:
    fields = RecordFields({"a": 1}, "f: line 3")
    assert filled("{} {a} { a}", fields) == "{} 1 { a}"
    with pytest.raises(InputError, match="f: line 3: has no b, which"):
        filled("{b}", fields)


def test_what_was_typed_comes_first_and_what_a_style_has_last(here: Path) -> None:
    found = settings(here, 'shots = 3\ndelimiter = "="')
    assert found.merged({}, {}) == found
    style = {"delimiter": "~", "example_delimiter": "\n"}
    merged = found.merged(style, {"shots": 0, "prompt_suffix": "none"})
    expected = {"shots": 0, "delimiter": "=", "example_delimiter": "\n", "prompt_suffix": "none"}
    assert merged.model_dump(exclude_unset=True) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shot = 3", "task.toml: shot: "),
        ("shots = -1", "task.toml: shots: "),
        ("shots", "task.toml: cannot be read"),
        ("random_baseline = 25", "task.toml: random_baseline: "),
    ],
)
def test_wrong_settings_are_an_error(here: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        settings(here, text)
    assert message in str(error.value) and "\n" not in str(error.value)
