"""Scripts whose calls stand at their top level are told what they need."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lmkit.execution import fork_server
from lmkit.execution.guarded_script import (
    EXIT_CODE,
    end_worker_that_runs_the_script,
    unguarded_script_error,
)

SCRIPT = """
from pathlib import Path
import lmkit
from lmkit.execution import fork_server
fork_server.AVAILABLE = {available}
{guard}
    config = lmkit.CleanConfig(inputs=(Path("raw"),), output=Path("out"), {options})
    lmkit.clean(config)
    print("done")
"""
PARALLEL = "workers=2, shard_bytes=100"


def run(here: Path, guard: str, options: str, *, available: bool) -> Any:
    (here / "raw").mkdir()
    for number in range(4):
        (here / "raw" / f"{number}.txt").write_text("A text of some length. " * 20)
    script = SCRIPT.format(available=available, guard=guard, options=options)
    (here / "my_script.py").write_text(script)
    return subprocess.run(
        [sys.executable, "my_script.py"], cwd=here, capture_output=True, text=True, check=False
    )


METHODS = pytest.mark.parametrize(
    "available",
    [
        pytest.param(True, marks=pytest.mark.skipif(not fork_server.AVAILABLE, reason="not here")),
        False,
    ],
    ids=["forkserver", "spawn"],
)


@METHODS
def test_an_unguarded_script_ends_with_one_error_that_names_the_line(
    here: Path, available: bool
) -> None:
    done = run(here, "if True:", PARALLEL, available=available)
    assert done.returncode == 1 and "done" not in done.stdout
    assert "died" not in done.stderr and "bootstrapping" not in done.stderr
    assert done.stderr.count("Traceback") == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("lmkit.errors.LmkitError: my_script.py calls lmkit outside of `if __na")
    assert not (here / "out" / "manifest.json").exists()


def test_a_guarded_script_works(here: Path) -> None:
    done = run(here, 'if __name__ == "__main__":', PARALLEL, available=fork_server.AVAILABLE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"


def test_a_script_with_one_worker_needs_no_guard(here: Path) -> None:
    done = run(here, "if True:", "workers=1", available=fork_server.AVAILABLE)
    assert done.returncode == 0, done.stderr


def test_only_the_exit_code_of_such_a_worker_tells() -> None:
    others: Any = [SimpleNamespace(exitcode=each) for each in (None, 0, -9, 1)]
    assert unguarded_script_error(others) is None
    error = unguarded_script_error([*others, SimpleNamespace(exitcode=EXIT_CODE)])  # type: ignore
    assert "or give workers=1" in str(error)


def test_no_other_process_ends() -> None:
    end_worker_that_runs_the_script()
