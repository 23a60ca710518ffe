import shutil
import subprocess

import pytest

from lmkit.commands.completion.bash_script import Completed, bash_script

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash reads the script")
SCRIPT = bash_script(
    {
        "clean": [
            Completed([]),
            Completed(["--format"], ["text", "jsonl"]),
            Completed(["--rules"], ["basic", "gopher", "gopher-quality"], several=True),
            Completed(["--output"]),
            Completed(["--overwrite", "--no-overwrite"]),
        ],
        "completion": [Completed([], ["bash"])],
    }
)
DRIVER = """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_lmkit
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(script: str, *words: str) -> list[str]:
    """Press TAB after the last word."""
    run = ["bash", "--norc", "-c", script + DRIVER, "bash", *words]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lmkit", "cl"], ["clean"]),
        (["lmkit", "c"], ["clean", "completion"]),
        (["lmkit", "help", "cle"], ["clean"]),
        (["lmkit", "clean", "--ou"], ["--output"]),
        (["lmkit", "clean", "raw", "--o"], ["--output", "--overwrite"]),
        (["lmkit", "clean", "--n"], ["--no-overwrite"]),
        (["lmkit", "clean", "--format", ""], ["text", "jsonl"]),
        (["lmkit", "clean", "--format", "j"], ["jsonl"]),
        (["lmkit", "clean", "--format", "="], ["text", "jsonl"]),
        (["lmkit", "clean", "--format", "=", "t"], ["text"]),
        (["lmkit", "clean", "--rules", "go"], ["gopher", "gopher-quality"]),
        (["lmkit", "clean", "--rules", "basic,gopher-"], ["basic,gopher-quality"]),
        (["lmkit", "clean", "--output", "x"], []),
        (["lmkit", "clean", "x"], []),
        (["lmkit", "clean", "--help", "--h"], ["--help"]),
        (["lmkit", "completion", ""], ["bash"]),
        (["lmkit", "unknown", "--x"], []),
    ],
)
def test_tab_completes_the_last_word(words: list[str], expected: list[str]) -> None:
    assert completed(SCRIPT, *words) == expected


def test_bash_completes_file_names_where_the_script_knows_none() -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT + "complete -p lmkit"], capture_output=True, text=True
    )
    assert done.stdout == "complete -o default -F _lmkit lmkit\n"
