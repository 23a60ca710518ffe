import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts import lease
from lmkit.artifacts.lease import DiskLease, LeaseRecord, held_lease
from lmkit.errors import LmkitError, OutputError


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SETTLED_AFTER", 0.0)


def test_one_run_at_a_time_has_it(tmp_path: Path) -> None:
    file = DiskLease(tmp_path)
    with held_lease(file, "out") as held:
        held.check()
        with pytest.raises(OutputError, match="out: another run is writing") as error:
            held_lease(file, "out").__enter__()
        assert error.value.hint and f"process {os.getpid()}" in error.value.hint
        held.check()
    with held_lease(file, "out"):
        pass
    assert not list(tmp_path.iterdir())


def test_that_of_a_process_that_has_ended_on_this_machine_is_taken_over(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    file = DiskLease(tmp_path)
    file.create(replace(LeaseRecord.of_this_run(), process=process.pid).to_json())
    with held_lease(file, "out") as held:
        held.check()


@pytest.mark.parametrize(("age", "is_free"), [(300, False), (1_000, True)])
def test_that_of_another_machine_is_taken_over_when_it_is_not_renewed(
    tmp_path: Path, age: float, is_free: bool
) -> None:
    other = replace(
        LeaseRecord.of_this_run(), machine="another", process=1, renewed=time.time() - age
    )
    file = DiskLease(tmp_path)
    file.create(other.to_json())
    if is_free:
        with held_lease(file, "out"):
            pass
        return
    with pytest.raises(OutputError, match="another run"), held_lease(file, "out"):
        pass
    assert LeaseRecord.parsed(file.read()) == other


def test_a_run_that_has_lost_it_publishes_nothing_and_leaves_it(tmp_path: Path) -> None:
    file = DiskLease(tmp_path)
    with held_lease(file, "out") as held:
        file.replace(LeaseRecord.of_this_run().to_json())
        with pytest.raises(LmkitError, match="took this folder over"):
            held.check()
    assert file.read() is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"process": 10**30},
        {"process": 0},
        {"process": -1},
        {"process": 1e999},
        {"renewed": float("nan")},
        {"renewed": 10**400},
        {"renewed": []},
    ],
)
def test_an_absurd_one_is_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    file = DiskLease(tmp_path)
    values = json.loads(LeaseRecord.of_this_run().to_json()) | changes
    file.create(json.dumps(values).encode())
    with pytest.raises(OutputError) as error, held_lease(file, "out"):
        pass
    assert error.value.hint and "its .lease holds something else: delete that" in error.value.hint


def test_it_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.01)
    file = DiskLease(tmp_path)
    with held_lease(file, "out"):
        first = LeaseRecord.parsed(file.read())
        while LeaseRecord.parsed(file.read()) == first:
            time.sleep(0.01)
    assert file.read() is None


def test_a_file_of_another_program_is_left(tmp_path: Path) -> None:
    (tmp_path / lease.LEASE).write_text("[]")
    with pytest.raises(OutputError) as error:
        held_lease(DiskLease(tmp_path), "out").__enter__()
    assert error.value.hint and "holds something else" in error.value.hint


def test_one_is_written_without_hard_links_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(lease.os, "link", refused)
    file = DiskLease(tmp_path)
    file.create(b"one")
    file.create(b"two")
    assert file.read() == b"one" and len(list(tmp_path.iterdir())) == 1
