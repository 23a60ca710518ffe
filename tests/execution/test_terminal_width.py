import io
import sys

import pytest

from lmkit.execution.terminal_width import folded, terminal_width

PATH = "/a/very/long/path" * 20


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_broken_between_words_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = "  train: 1,234,567 documents, 234,567,890 tokens in 123,456 sequences"
    assert folded(line) == line
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    assert folded(f"a\n{line}\n{PATH}") == (
        "a\n  train: 1,234,567 documents,\n    234,567,890 tokens in 123,456\n    sequences\n"
        + PATH
    )


def test_what_has_colors_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "10")
    colored = "\x1b[1mwords in bold that follow each other\x1b[0m"
    assert folded(colored) == colored


def test_what_is_no_terminal_has_a_width_of_80(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal_width(io.StringIO()) == 80
