"""Corruption of many kinds at once: every good record is kept, and every bad one is listed."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Lmkit, manifest, records, texts

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little, number"


def line(number: int) -> bytes:
    return json.dumps({"text": f"{GOOD} {number}"}).encode() + b"\n"


DAMAGE: dict[str, bytes] = {
    "invalid UTF-8": b'{"text": "caf\xe9"}\n',
    "NUL": b'{"text": "a\0b"}\n',
    "cut off": b'{"text": "half\n',
    "no field": b'{"body": "x"}\n',
    "a number": b"17\n",
    "deep": b'{"text": "x", "m": ' + b"[" * 5_000 + b"]" * 5_000 + b"}\n",
    "too long": b'{"text": "' + b"x" * 300_000 + b'"}\n',
    "no number": b'{"text": NaN, "n": 1}\n',
    "two in a line": b'{"text": "a"}{"text": "b"}\n',
    "not text": b'{"text": ["a"]}\n',
}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_each_bad_line_is_listed_and_all_good_ones_are_kept(
    here: Path, lmkit: Lmkit, workers: str
) -> None:
    Path("raw").mkdir()
    plain = b"".join(line(2 * n) + bad + line(2 * n + 1) for n, bad in enumerate(DAMAGE.values()))
    Path("raw/a.jsonl").write_bytes(plain)
    options = ("--max-record", "200000", "--workers", workers)
    exit_code, _, _ = lmkit("clean", "raw", "--output", "out", *options)
    assert exit_code == 0
    assert texts(Path("out")) == [f"{GOOD} {n}" for n in range(2 * len(DAMAGE))]
    assert len(records(Path("out"), "quarantine")) == len(DAMAGE)
    counts = manifest(Path("out"))["counts"]
    assert counts["documents_in"] == 3 * len(DAMAGE)


def test_an_unpaired_surrogate_is_replaced_and_kept(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_bytes(b'{"text": "' + GOOD.encode() + b' \\ud83d"}\n')
    assert lmkit("clean", "a.jsonl", "--output", "out")[0] == 0
    assert texts(Path("out")) == [f"{GOOD} \ufffd"]


def test_corrupt_files_of_every_kind_do_not_affect_good_ones(here: Path, lmkit: Lmkit) -> None:
    folder = Path("raw")
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}-good.jsonl").write_bytes(line(number))
    (folder / "0-truncated.jsonl.gz").write_bytes(gzip.compress(line(0) * 9_999)[:-20])
    (folder / "1-empty.jsonl.zst").touch()
    (folder / "1-binary.txt").write_bytes(bytes(range(256)) * 9)
    (folder / "1-utf16.txt").write_text(f"{GOOD} utf-16", encoding="utf-16")
    (folder / "1-utf16-without-a-mark.txt").write_text(f"{GOOD} utf-16", encoding="utf-16-le")
    (folder / "loop").symlink_to(folder.resolve())
    (folder / "dangling.jsonl").symlink_to("nowhere")
    exit_code, _, err = lmkit("clean", "raw", "--output", "out")
    assert exit_code == 0 and "links" in err
    found = texts(Path("out"))
    assert {f"{GOOD} {n}" for n in range(3)} <= set(found)
    assert found.count(f"{GOOD} utf-16") == 2
    bad = sorted(record["origin"] for record in records(Path("out"), "quarantine"))
    assert bad == ["0-truncated.jsonl.gz", "1-binary.txt", "1-empty.jsonl.zst"]
    counts = manifest(Path("out"))["counts"]
    after = counts["documents_out"] + sum(counts["dropped"].values()) + counts["quarantined"]
    assert counts["documents_in"] == after


MEMORY = """
import resource, sys
from lmkit.cli import main
used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
codes = [main(["clean", "small.jsonl", "--output", "small"])]
before = used()
codes.append(main(["clean", "raw.jsonl", "--output", "out"]))
print(codes, (used() - before) // 1024, file=sys.stderr)
"""


def test_a_line_of_200_megabytes_is_skipped_while_streaming(here: Path) -> None:
    Path("small.jsonl").write_bytes(line(0))
    with Path("raw.jsonl").open("wb") as file:
        file.write(line(0) + b'{"text": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + line(1))
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True)
    codes, _, megabytes = done.stderr.splitlines()[-1].rpartition(" ")
    assert codes == "[0, 0]"
    assert int(megabytes) < 100  # --max-record is 32
    assert texts(Path("out")) == [f"{GOOD} {n}" for n in range(2)]
    (bad,) = records(Path("out"), "quarantine")
    assert bad["offset"] == len(line(0)) and "longer than --max-record" in bad["reason"]


FULL_DISK = """
import resource, sys
from lmkit.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
sys.exit(main(["clean", "raw.jsonl", "--output", "out"]))
"""


def test_a_full_disk_is_reported_and_the_same_command_resumes_later(
    here: Path, lmkit: Lmkit
) -> None:
    names = [hashlib.sha512(str(n).encode()).hexdigest() for n in range(1_000)]
    rows = [json.dumps({"text": f"{GOOD} {name}"}) for name in names]
    Path("raw.jsonl").write_text("\n".join(rows))
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "File too large" in done.stderr
    assert not list(Path("out").glob("*.zst"))
    for output in ("out", "whole"):
        assert lmkit("clean", "raw.jsonl", "--output", output)[0] == 0
    assert texts(Path("out")) == [f"{GOOD} {name}" for name in names]
    files = [
        {path.name: path.read_bytes() for path in Path(o).glob("*.zst")} for o in ("out", "whole")
    ]
    assert files[0] == files[1] != {}


def test_a_file_without_permission_is_listed(here: Path, lmkit: Lmkit) -> None:
    Path("raw").mkdir()
    Path("raw/a.jsonl").write_bytes(line(0))
    Path("raw/b.jsonl").write_bytes(line(1))
    Path("raw/a.jsonl").chmod(0)
    if os.access("raw/a.jsonl", os.R_OK):
        pytest.skip("root may read everything")
    assert lmkit("clean", "raw", "--output", "out")[0] == 0
    assert texts(Path("out")) == [f"{GOOD} 1"]
    assert records(Path("out"), "quarantine")[0]["origin"] == "a.jsonl"


def test_max_quarantined_limits_the_fraction(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_bytes(line(0) + b"oops\n" + line(1) + line(2))
    exit_code, _, err = lmkit("clean", "a.jsonl", "--output", "out", "--max-quarantined", "0.2")
    assert exit_code == 1
    assert "1 of 4 documents could not be read, more than --max-quarantined 0.2 allows" in err
    assert not Path("out/manifest.json").exists()
    exit_code, _, err = lmkit("clean", "a.jsonl", "--output", "out", "--max-quarantined", "0.25")
    assert exit_code == 0 and "resuming: 1 of 1" in err


def test_generated_code_is_dropped_by_default(here: Path, lmkit: Lmkit) -> None:
    Path("src").mkdir()
    Path("src/a.py").write_text(f"# {GOOD}\nx = 1\n")
    Path("src/b.py").write_text(f"# Code generated by x. DO NOT EDIT.\n# {GOOD}\n")
    assert lmkit("clean", "src", "--output", "out", "--no-read.generated")[0] == 0
    assert [record["reason"] for record in records(Path("out"), "rejected")] == ["generated"]
    assert len(texts(Path("out"))) == 1
