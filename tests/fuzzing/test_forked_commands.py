import subprocess
import sys
from pathlib import Path

CASES = 120
ROOT = Path(__file__).parents[2]


def test_damaged_files_and_absurd_options_end_no_command_with_a_traceback(tmp_path: Path) -> None:
    # In a process of its own: children are forked, and this one has threads.
    command = ["-m", "tests.fuzzing.forked_commands", str(tmp_path / "fuzz"), "0", str(CASES)]
    run = subprocess.run(
        [sys.executable, *command], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{CASES} cases, " in run.stdout
