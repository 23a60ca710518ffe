import errno
import subprocess
import sys
from pathlib import Path

import pytest

from lmkit.artifacts import lock
from lmkit.artifacts.lease import LEASE
from lmkit.artifacts.lock import folder_lock
from lmkit.errors import OutputError

HOLD = """
import sys, time
from pathlib import Path
from lmkit.artifacts.lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_locked_by_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path),
        pytest.raises(OutputError, match="another run"),
        folder_lock(tmp_path),
    ):
        pass
    with folder_lock(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_is_released_when_its_process_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(OutputError), folder_lock(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with folder_lock(tmp_path):
        pass


def test_where_the_system_has_no_locks_the_folder_has_a_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", missing)
    with folder_lock(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LEASE]
        with pytest.raises(OutputError, match="another run is writing"), folder_lock(tmp_path):
            pass
    assert not list(tmp_path.iterdir())


def test_another_error_of_the_system_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(lock.fcntl, "flock", fails)
    with pytest.raises(OSError, match="Input/output"), folder_lock(tmp_path):
        pass
