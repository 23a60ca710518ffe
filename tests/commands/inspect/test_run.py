import json
import os
import subprocess
import sys
from pathlib import Path

import fsspec

from tests.commands.inspect.folders import HOSTILE
from tests.conftest import Lmkit


def test_no_text_can_control_the_terminal(here: Path, lmkit: Lmkit) -> None:
    record = {"id": HOSTILE, "source": HOSTILE, "text": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    Path("hostile.jsonl").write_text(json.dumps(record))
    lmkit("dedup", "hostile.jsonl", "--output", "out")
    exit_code, out, _ = lmkit("inspect", "out")
    assert exit_code == 0 and not set(out) & {"\x1b", "\x07"}
    assert "[bold]red[/]" in out and r"\x1b[31m" in out


def test_a_pipe_gets_plain_lines_of_full_width(work: Path) -> None:
    long = Path("a" * 90, "b" * 90)
    long.parent.mkdir()
    (work / "clean").rename(long)
    environment = os.environ | {"COLUMNS": "40", "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "lmkit", "inspect", str(long)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert str(long) in run.stdout and "\x1b" not in run.stdout and "╭" not in run.stdout


def test_inspect_needs_no_torch(work: Path) -> None:
    script = (
        "import sys; from lmkit.cli import main; code = main(sys.argv[1:]);"
        "assert not {'torch', 'accelerate'} & sys.modules.keys(); sys.exit(code)"
    )
    run = [sys.executable, "-c", script, "inspect", str(work / "packed")]
    subprocess.run(run, check=True, capture_output=True)


def test_a_folder_at_a_url_is_shown_as_one_on_a_disk(work: Path, lmkit: Lmkit) -> None:
    system = fsspec.filesystem("memory")
    for kind in ("clean", "tokenizer", "packed"):
        for path in (work / kind).rglob("*"):
            if path.is_file() and path.name != ".lock":
                name = path.relative_to(work).as_posix()
                system.pipe_file(f"/bucket/{name}", path.read_bytes())
    try:
        for kind in ("clean", "tokenizer"):
            url = f"memory://bucket/{kind}"
            local, remote = (lmkit("inspect", each, "--json") for each in (work / kind, url))
            assert remote[0] == 0, remote[2]
            expected, found = (json.loads(out) for _, out, _ in (local, remote))
            assert found["made"].pop("folder") == url
            for each in (expected["made"], found["made"]):
                each.pop("folder", None)
                assert each.pop("finished")
            assert found == expected
        code, out, _ = lmkit("inspect", "memory://bucket/packed")
        assert code == 0 and "sequences are read of a folder on a disk" in out
        code, out, _ = lmkit("inspect", "memory://bucket/tokenizer", "--text", "a cat")
        assert code == 0 and out == lmkit("inspect", work / "tokenizer", "--text", "a cat")[1]
        for option, what in (("--rules", "clean"), ("--text", "packed")):
            typed = [option] if option == "--rules" else [option, "a cat"]
            code, _, error = lmkit("inspect", f"memory://bucket/{what}", *typed)
            assert code == 2 and f"memory://bucket/{what}" in error
    finally:
        system.rm("/bucket", recursive=True)
