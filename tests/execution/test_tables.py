import io
import re
import sys

import pytest
from rich.cells import cell_len

from lmkit.execution.tables import log_sections, plain, printable, shown

HOSTILE = "\x1b]0;owned\x07 \x9b31m [red]markup[/] \u202egnp.exe"
LONG = "/a/very/long/path" * 20


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_hostile_text_can_neither_control_a_terminal_nor_use_markup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    section = {
        HOSTILE: [{"text": HOSTILE, "metadata": {HOSTILE: [HOSTILE]}}],
        "t": [{"x": HOSTILE}],
    }
    monkeypatch.setenv("COLUMNS", "300")
    for is_terminal in (False, True):
        monkeypatch.setattr(sys, "stdout", Terminal() if is_terminal else io.StringIO())
        monkeypatch.setenv("TERM", "dumb")  # no colours of our own
        text = shown(section)
        assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}
        assert "[red]markup[/]" in text


def test_a_terminal_gets_panels_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    text = shown({"made": {"folder": LONG}, "rows": [{"path": LONG}]})
    lines = re.sub(r"\x1b\[\d*m", "", text).splitlines()
    assert max(map(len, lines)) <= 60 and lines[0].startswith("╭─ made")


RECORDS = [
    {
        "rule": name,
        "documents": 1_234_567,
        "bytes_per_token": 4.12345,
        "kept": 0.987654,
        "for_example": f"{name} 0.0401 < 0.25",
        "id": "猫" * 12,
    }
    for name in ("too_few_letters", "too_short")
]


@pytest.mark.parametrize("width", [60, 80, 140])
def test_at_any_width_numbers_are_whole_and_no_line_is_wider(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", str(width))
    text = re.sub(r"\x1b\[[\d;]*m", "", shown({"by_rule": RECORDS}))
    assert max(map(cell_len, text.splitlines())) <= width
    assert text.count("1,234,567") == text.count("4.12345") == text.count("0.987654") == 2
    is_table = any("rule" in line and "documents" in line for line in text.splitlines())
    assert is_table == (width == 140)


def test_a_text_that_needs_many_lines_makes_blocks_of_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    rows = [{"path": "x" * length, "files": 1_000} for length in (200, 5)]
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown({"rows": rows})).splitlines()
    assert sum("path" in line for line in lines) == 2 and max(map(len, lines)) <= 60


def test_a_single_column_stays_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    lines = shown({"rows": [{"input": "x" * length} for length in (300, 5)]}).splitlines()
    assert sum("input" in line for line in lines) == 1


def test_sections_that_are_no_result_go_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_sections({"made": {"files": 2}, "none": []})
    assert capsys.readouterr() == ("", "made\n  files  2\n")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", "30")
    log_sections({"none": []})
    assert terminal.getvalue() == ""
    log_sections({"made": {"files": 2}})
    assert terminal.getvalue().startswith("╭─ made ")


def test_paths_are_not_wrapped_in_a_pipe() -> None:
    text = plain({"made": {"folder": LONG}, "rows": [{"path": LONG, "files": 1_000}]})
    assert sum(LONG in line for line in text.splitlines()) == 2
    assert "1,000" in text


def test_empty_sections_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert shown({"none": {}, "some": {"on": True, "limit": None}, "rows": []}) == (
        "some\n  on     yes\n  limit  none"
    )


def test_text_of_every_language_is_unchanged() -> None:
    assert printable("naïve 猫 кот قطة") == "naïve 猫 кот قطة"


def test_tokens_have_alternating_colors_and_spaces_are_visible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = shown({"pieces": [{"piece": "a", "id": 7}, {"piece": " b\n", "id": 12_345}]})
    plain_text = re.sub(r"\x1b\[[0-9;]*m", "", found)
    assert "a 7 ·b\\n 12345" in plain_text
    colors = re.findall(r"48;5;(\d+)m", found)
    assert len(set(colors)) == 2
