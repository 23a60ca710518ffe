"""All four stages with their outputs in S3, where s3fs and moto are installed.

By hand: `pip install 'moto[server]' s3fs` next to lmkit, in an environment of its own, then
`pytest tests/artifacts/test_s3_outputs.py`. The server answers 5% of all requests with 503, and
cuts one upload.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import contents, manifest, prose

MISSING = [name for name in ("s3fs", "moto", "werkzeug") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {', '.join(MISSING)} (pip install 'moto[server]' s3fs)"
)
ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of a server with faults and an empty bucket."""
    command = [sys.executable, "-m", "tests.artifacts.faulty_s3", "0.05", "4000"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin and process.stdout
    address = f"http://127.0.0.1:{process.stdout.readline().strip()}"
    settings = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for _ in range(20):  # it may be refused
        request = urllib.request.Request(f"{address}/bucket", method="PUT")
        try:
            urllib.request.urlopen(request)
            break
        except OSError:
            continue
    yield address
    process.stdin.close()
    process.wait()


def faults(server: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{server}/faults") as answer:
        return json.loads(answer.read())


def stored(name: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files of a folder in the bucket, and its manifest."""
    import fsspec

    system = fsspec.filesystem("s3", skip_instance_cache=True)
    names = sorted(system.find(f"bucket/{name}"))
    files = {key.removeprefix(f"bucket/{name}/"): system.cat_file(key) for key in names}
    return files, json.loads(files.pop("manifest.json", b"{}"))


def lmkit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lmkit", *arguments, "--workers", "2"]
    return subprocess.run(command, capture_output=True, text=True)


def write_documents(folder: Path, files: int) -> None:
    folder.mkdir()
    texts = prose(200) + prose(50)
    for number in range(files):
        part = texts[number::files]
        lines = (json.dumps({"id": f"{number}-{n}", "text": text}) for n, text in enumerate(part))
        (folder / f"{number:02d}.jsonl").write_text("\n".join(lines))


def stages(top: str) -> dict[str, tuple[str, ...]]:
    shards = ("--shard-bytes", "20000")
    return {
        "clean": ("raw", *shards),
        "dedup": (f"{top}clean", *shards),
        "train-tokenizer": (f"{top}dedup", "--vocab-size", "600"),
        "pack": (
            *(f"{top}dedup", "--tokenizer", f"{top}train-tokenizer", *shards),
            *("--sequence-length", "32", "--validation", "0.1"),
        ),
    }


def test_four_stages_are_equal_to_local_ones(here: Path, server: str) -> None:
    write_documents(here / "raw", 20)
    for top in ("", "s3://bucket/"):
        for stage, arguments in stages(top).items():
            done = lmkit(stage, *arguments, "--output", f"{top}{stage}")
            assert done.returncode == 0, done.stderr
    for stage in stages(""):
        files, record = stored(stage)
        assert files == contents(here / stage)
        local = manifest(here / stage)
        for key in ("outputs", "counts", "details"):
            assert record[key] == local[key], (stage, key)
    counts = faults(server)
    print(counts)
    assert counts["cut"] == 1 and counts["refused"] > 5
    assert not list((here / "cache/lmkit/outputs").iterdir())


def test_what_a_stage_has_written_is_inspected_there(here: Path, server: str) -> None:
    write_documents(here / "raw", 20)
    for stage, arguments in stages("s3://bucket/").items():
        done = lmkit(stage, *arguments, "--output", f"s3://bucket/{stage}")
        assert done.returncode == 0, done.stderr
        command = [sys.executable, "-m", "lmkit", "inspect", f"s3://bucket/{stage}", "--json"]
        shown = subprocess.run(command, capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        found = json.loads(shown.stdout)
        assert found["made"]["folder"] == f"s3://bucket/{stage}" and found["made"]["finished"]
        assert found["problems"] == [] and found["outputs"]
        sample = {"clean": "sample_documents", "dedup": "sample_documents"}.get(stage)
        assert sample is None or len(found[sample]) == 3


def test_an_input_is_asked_for_once_a_task(here: Path, server: str) -> None:
    """Its HEAD pins the version, which every request for a part of it names."""
    write_documents(here / "raw", 20)
    assert (
        lmkit("clean", "raw", "--output", "s3://bucket/in", "--shard-bytes", "5000").returncode == 0
    )
    files = len([name for name in stored("in")[0] if name.startswith("documents-")])
    before = faults(server)
    done = lmkit("dedup", "s3://bucket/in", "--output", "out", "--shard-bytes", "5000")
    assert done.returncode == 0, done.stderr
    after = faults(server)
    heads = after.get("HEAD", 0) - before.get("HEAD", 0)
    refused = after["refused"] - before["refused"]
    print(files, heads, refused)
    assert files >= 20 and heads <= 2 * files + refused + 5


def test_a_run_killed_in_the_middle_resumes(here: Path, server: str) -> None:
    write_documents(here / "raw", 40)
    command = ("clean", "raw", "--shard-bytes", "4000", "--output")
    assert lmkit(*command, "local").returncode == 0
    typed = [sys.executable, "-m", "lmkit", *command, "s3://bucket/out", "--workers", "2"]
    process = subprocess.Popen(typed, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    partial = here / "cache/lmkit/outputs"
    while process.poll() is None and len(list(partial.glob("*/.partial/documents-*.json"))) < 5:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == KILLED
    files, record = stored("out")
    assert not record, "it isn't published"
    local = contents(here / "local")
    own = {".lease", ".partial/plan.json"}
    assert len(files.keys() - own) >= 5
    assert all(local[name] == data for name, data in files.items() if name not in own)
    done = lmkit(*command, "s3://bucket/out")
    assert done.returncode == 0 and "resuming: " in done.stderr, done.stderr
    files, record = stored("out")
    assert files == local and record["outputs"] == manifest(here / "local")["outputs"]
    assert "up to date" in lmkit(*command, "s3://bucket/out").stderr
