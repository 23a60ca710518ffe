import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace

import pytest

from lmkit.execution.progress_line import progress_line
from lmkit.execution.work import WorkState

HALF = WorkState("cleaning", 2_900_000_000, "B", 1_200_000_000, 1_234_567, 35.0, 49.6)


@pytest.mark.parametrize("width", [*range(8, 70), 79, 139, 200])
def test_a_line_is_never_wider_than_the_terminal(width: int) -> None:
    for label in ("cleaning", "tokenizing validation"):
        state = replace(HALF, label=label)
        assert len(progress_line(state, width).plain) <= width


def test_what_matters_least_is_left_out_first() -> None:
    shown = {width: progress_line(HALF, width).plain for width in (139, 79, 59, 30)}
    assert re.fullmatch(
        r"cleaning  41%  ━+─+  1,234,567 documents  1.2 of 2.9 GB  34.3 MB/s  35,273 documents/s"
        r"  0:50 left",
        shown[139],
    )
    assert shown[79] == ("cleaning  41%  1,234,567 documents  1.2 of 2.9 GB  34.3 MB/s  0:50 left")
    assert re.fullmatch(r"cleaning  41%  ━+─+  1.2 of 2.9 GB  0:50 left", shown[59])
    assert shown[30] == "cleaning  41%  0:50 left"


def test_work_without_a_total_shows_how_long_it_has_taken() -> None:
    state = WorkState("training the tokenizer", 1, "task", 0, 0, 75.0)
    assert progress_line(state, 60).plain == "training the tokenizer  1:15"


def test_a_terminal_without_unicode_gets_a_bar_of_ascii() -> None:
    assert progress_line(HALF, 139, ascii_only=True).plain.isascii()


SCRIPT = """
import time
from lmkit.execution.meter import count_bytes, count_document
from lmkit.execution.progress import progress
with progress("computing signatures", 10_000_000, "B"):
    for _ in range(8):
        count_bytes(1_000_000)
        count_document()
        time.sleep(0.1)
"""


@pytest.mark.parametrize("width", [60, 80, 140])
def test_on_a_terminal_no_line_is_wider_and_the_cursor_comes_back(width: int) -> None:
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("COLUMNS", None)
    run = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(run, stdin=terminal, stdout=terminal, stderr=terminal, env=environment):
        os.close(terminal)
        written = b""
        try:
            while data := os.read(master, 4096):
                written += data
        except OSError:  # its other end is closed
            pass
    os.close(master)
    text = written.decode()
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))
    assert max(map(len, lines)) < width
    assert any("computing signatures" in line and "of 10.0 MB" in line for line in lines)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
