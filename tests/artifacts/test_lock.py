import subprocess
import sys
from pathlib import Path

import pytest

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
