import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lmkit.execution import fork_server
from lmkit.execution.fork_server import AVAILABLE, start_fork_server

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="workers are spawned on this system")

WHERE = """
import sys
from pathlib import Path
sys.path.insert(0, "first")
sys.path.insert(1, str(Path("second").resolve()))
import asked
from lmkit.execution.pool import map_tasks
if __name__ == "__main__":
    print(map_tasks(asked.about, ["file", "flags", "threads"], workers=2, label="x"))
"""
ASKED = """
import os, sys
started = os.getpid()
def about(what):
    if what == "file":
        return f"{os.path.basename(os.path.dirname(__file__))} {os.getpid() != started}"
    if what == "flags":
        return [sys.flags.optimize, sys.flags.dev_mode, __debug__]
    return len(os.listdir(f"/proc/{os.getppid()}/task"))
"""


def test_it_imports_modules_where_this_process_finds_them_and_with_the_same_flags(
    tmp_path: Path,
) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    (tmp_path / "second" / "asked.py").write_text(ASKED)
    (tmp_path / "asked.py").write_text("raise SystemExit('the wrong one')")
    script = tmp_path / "elsewhere" / "script.py"
    script.parent.mkdir()
    script.write_text(WHERE)
    command = [sys.executable, "-O", "-X", "dev", str(script)]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    # Imported in the server, not in the worker; and the server has one thread when it forks.
    assert found.stdout == "['second True', [1, True, False], 1]\n", found.stderr


def test_it_leaves_the_environment_and_the_signals_of_this_process_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    before = dict(os.environ)
    assert start_fork_server([])
    assert dict(os.environ) == before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_where_it_cannot_be_started_workers_are_spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(fork_server, "ensure_running", refuse)
    assert not start_fork_server([])
