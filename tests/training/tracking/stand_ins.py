"""Packages that stand in for those of trackers, and record how they are called."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CALLS = "STAND_IN_CALLS"
VARIABLES = (
    *("WANDB_MODE", "WANDB_ERROR_REPORTING", "WANDB_CACHE_DIR", "WANDB_PROJECT", "WANDB_NAME"),
    *("TRACKIO_DIR", CALLS),
)
RECORDED = f"""
import json, os
from pathlib import Path
from types import SimpleNamespace

def record(name, /, **values):
    with Path(os.environ["{CALLS}"]).open("a") as file:
        file.write(json.dumps([name, values]) + "\\n")

class Run:
    def __init__(self, folder, name=""):
        self.settings, self.name = SimpleNamespace(sync_dir=str(folder)), name
    def define_metric(self, name, summary):
        record("define_metric", name=name, summary=summary)
    def log(self, values, step):
        if step == int(os.environ.get("FAILS_AT", 0)):
            raise ConnectionResetError("connection reset by peer")
        record("log", values=values, step=step)
    def finish(self):
        record("finish")
        if "FAILS_AT" in os.environ:
            raise ConnectionResetError("connection reset by peer")
"""
WANDB = (
    RECORDED
    + """
def Settings(**settings):
    return settings

def init(**arguments):
    record("init", **arguments)
    parent = Path(arguments["dir"]) / "wandb"
    number = len(list(parent.glob("offline-run-*"))) + len(list(parent.glob("started-*")))
    folder = parent / f"offline-run-{number:08}-{arguments['id']}"
    (folder / "logs").mkdir(parents=True)
    (folder / f"run-{arguments['id']}.wandb").write_text("steps")
    (folder / "logs" / "debug-core.log").symlink_to("/dev/null")
    return Run(folder)

def teardown():
    record("teardown")
"""
)
TRACKIO = (
    RECORDED
    + """
TRACKIO_DIR = Path(os.environ["TRACKIO_DIR"])
runs = []

class Api:
    def runs(self, project):
        if not runs:
            raise ValueError(f"Project '{project}' does not exist")
        return list(runs)

def init(project, **arguments):
    print("* Trackio project initialized")
    record("init", project=project, **arguments)
    run = Run(TRACKIO_DIR, arguments["name"])
    run.delete = lambda: (record("delete", name=run.name), runs.remove(run))
    runs.append(run)
    return run

def finish():
    print("* Run finished")
    record("finish")
"""
)


class StandIn:
    """A package that stands in for another, and the calls that it got."""

    def __init__(self, folder: Path) -> None:
        self.calls_file = folder / "calls.jsonl"

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for line in self.calls_file.read_text().splitlines():
            name, values = json.loads(line)
            yield name, values

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [values for each, values in self if each == name]


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, source: str) -> StandIn:
    """Put a package on the path of this process and of those that it starts."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")  # so that what a tracker sets is removed again
        monkeypatch.delenv(variable)
    packages = folder / "packages"
    packages.mkdir()
    path = packages / f"{name}.py"
    path.write_text(source)
    found = StandIn(folder)
    found.calls_file.touch()
    monkeypatch.setenv(CALLS, str(found.calls_file))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])
    )
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setitem(sys.modules, name, None)  # so that what is imported is removed again
    monkeypatch.delitem(sys.modules, name)
    return found
