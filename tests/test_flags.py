import inspect
import re
from pathlib import Path
from typing import Annotated

import pytest
import typer
from pydantic import Field

from lmkit.config import Option, StageConfig, options
from lmkit.flags import CommandOfFlags, identifier, is_about_running, parameter


class Made(StageConfig):
    """A stage with an option of each kind."""

    stage = "made"
    example = "lmkit made"

    count: Annotated[int, Field(gt=0)] = 3
    """How many."""
    folded: bool = True
    """Whether lines are folded."""
    import_: str = "all"
    """What is imported."""
    table: Path | None = None
    """A file."""


@pytest.fixture(scope="module")
def by_key() -> dict[str, Option]:
    return {option.key: option for option in options(Made)}


def parsed(option: Option, *words: str) -> dict[str, object]:
    """Return what a command with the flags of one option gets."""
    got: dict[str, object] = {}
    app = typer.Typer()

    def command(**values: object) -> None:
        got.update(values)

    command.__signature__ = inspect.Signature([parameter(option)])  # type: ignore[attr-defined]
    app.command(cls=CommandOfFlags)(command)
    app(words, standalone_mode=False)
    return got


def shown(option: Option, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the help of one option, without its line breaks and colors."""
    parsed(option, "--help")
    text = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    return " ".join(text.replace("│", " ").split())


def test_a_value_is_text_to_typer_and_not_typed_by_default(by_key: dict[str, Option]) -> None:
    assert parsed(by_key["count"]) == {"count": None}
    assert parsed(by_key["count"], "--count", "none") == {"count": "none"}


def test_a_switch_can_be_typed_on_and_off(by_key: dict[str, Option]) -> None:
    assert parsed(by_key["folded"]) == {"folded": None}
    assert parsed(by_key["folded"], "--folded") == {"folded": True}
    assert parsed(by_key["folded"], "--no-folded") == {"folded": False}


def test_of_the_flags_of_a_switch_the_last_counts_as_with_other_options(
    by_key: dict[str, Option],
) -> None:
    for words, value in (
        (("--no-folded", "--folded"), True),
        (("--folded", "--no-folded"), False),
        (("--no-folded", "--folded", "--no-folded"), False),
    ):
        assert parsed(by_key["folded"], *words) == {"folded": value}, words
    assert parsed(by_key["count"], "--count", "3", "--count", "5") == {"count": "5"}


def test_the_help_has_the_default_and_the_kind(
    by_key: dict[str, Option],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert "--count INT How many. [default: 3]" in shown(by_key["count"], capsys)
    assert "--table PATH A file. [default: none]" in shown(by_key["table"], capsys)
    text = shown(by_key["folded"], capsys)
    assert "--folded Whether lines are folded. [default: yes; off with --no-folded]" in text


def test_every_name_is_one_that_a_parameter_may_have(by_key: dict[str, Option]) -> None:
    names = [identifier(option) for option in by_key.values()]
    assert len({*names}) == len(names)
    for name in names:
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)


def test_how_a_command_runs_is_apart_from_what_it_writes(by_key: dict[str, Option]) -> None:
    assert is_about_running(by_key["overwrite"]) and not is_about_running(by_key["count"])
