from pathlib import Path

import pytest

from lmkit.artifacts.destination import PLAN
from lmkit.artifacts.lease import LEASE, DiskLease, LeaseRecord
from lmkit.artifacts.local_destination import LocalDestination
from lmkit.artifacts.manifest import Output
from lmkit.errors import OutputError


def test_a_folder_holds_a_file_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    here = LocalDestination(tmp_path)
    assert here.holds(Output(name="a", bytes=3, sha256=digest), hashes=True)
    assert here.holds(Output(name="a", bytes=3, sha256="other"), hashes=False)
    assert not here.holds(Output(name="a", bytes=3, sha256="other"), hashes=True)
    assert not here.holds(Output(name="a", bytes=4, sha256=digest), hashes=False)
    assert not here.holds(Output(name="b", bytes=3, sha256=digest), hashes=False)


def test_it_is_created_with_its_lock_and_swept_where_nothing_holds_it(tmp_path: Path) -> None:
    folder = LocalDestination(tmp_path / "out")
    assert not folder.exists() and folder.shown == str(tmp_path / "out")
    with folder.lock():
        assert folder.exists()
        with pytest.raises(OutputError), folder.lock():
            pass
        (tmp_path / "out" / PLAN).parent.mkdir()
        folder.sweep()
        assert (tmp_path / "out" / PLAN).parent.exists()
    folder.sweep()
    assert not list((tmp_path / "out").iterdir())


def test_a_lease_is_no_file_of_another_program(tmp_path: Path) -> None:
    DiskLease(tmp_path).create(LeaseRecord.of_this_run().to_json())
    assert LocalDestination(tmp_path).other_files((), known=False) == []
    (tmp_path / f"{LEASE}.txt").touch()
    assert LocalDestination(tmp_path).other_files((), known=True) == [f"{LEASE}.txt"]
