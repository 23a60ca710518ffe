import gzip
from pathlib import Path
from zipfile import ZipFile

from tests.conftest import Lmkit, contents, records
from tests.plugins.lab import SOURCE

LINES = [f"speaker{n}: a sentence of some length, number {n}" for n in range(3)]


def clean(lmkit: Lmkit, *typed: str) -> tuple[int, str, str]:
    Path("lab.py").write_text(SOURCE)
    return lmkit("clean", "in", "--output", "out", "--plugin", "lab.py", *typed)


def test_files_are_recognized_by_their_ending_in_folders_archives_and_gzip(
    here: Path, lmkit: Lmkit
) -> None:
    Path("in").mkdir()
    data = "\n".join(LINES).encode()
    Path("in/a.chat").write_bytes(data)
    Path("in/b.chat.gz").write_bytes(gzip.compress(data))
    Path("in/c.txt").write_text("A plain file, which lmkit reads by itself.")
    with ZipFile("in/d.zip", "w") as archive:
        archive.writestr("e.chat", data)
    assert clean(lmkit)[0] == 0
    found = records(Path("out"), "documents")
    assert [one["text"] for one in found[:3]] == [line.partition(": ")[2] for line in LINES]
    assert [one["metadata"]["speaker"] for one in found[3:6]] == [
        "speaker0",
        "speaker1",
        "speaker2",
    ]
    origins = [one["metadata"]["origin"] for one in found]
    assert origins == [*["a.chat"] * 3, *["b.chat.gz"] * 3, "c.txt", *["d.zip!/e.chat"] * 3]
    assert len({one["id"] for one in found}) == 10


def test_options_reach_the_reader_and_a_format_can_be_forced(here: Path, lmkit: Lmkit) -> None:
    Path("in").mkdir()
    Path("in/log.xyz").write_text("agent | a sentence of some length, from an agent")
    assert clean(lmkit, "--format", "chat", "--read.chat.separator", " | ")[0] == 0
    (found,) = records(Path("out"), "documents")
    assert found["text"] == "a sentence of some length, from an agent"
    assert found["id"] == "7"


def test_a_reader_that_fails_names_file_and_record_and_nothing_is_published(
    here: Path, lmkit: Lmkit
) -> None:
    Path("in").mkdir()
    Path("in/a.chat").write_text("\n".join([*LINES, "bob: CRASH"]))
    exit_code, _, err = clean(lmkit)
    assert exit_code == 1
    assert "plugin lab: reader chat failed on in/a.chat, after 3 records: KeyError: 'bob'" in err
    assert not [name for name in contents(Path("out")) if name.startswith("documents")]


def test_damage_before_the_reader_is_quarantined(here: Path, lmkit: Lmkit) -> None:
    Path("in").mkdir()
    damaged = gzip.compress(("\n".join(LINES) + "\n").encode() * 2000)
    Path("in/a.chat.gz").write_bytes(damaged[: len(damaged) // 2])
    exit_code, out, _ = clean(lmkit)
    assert exit_code == 0
    assert "1 quarantined" in out
    assert records(Path("out"), "documents")


def test_a_record_over_the_limit_is_quarantined(here: Path, lmkit: Lmkit) -> None:
    Path("in").mkdir()
    Path("in/a.chat").write_text("\n".join([*LINES, "bob: " + "long " * 100]))
    assert clean(lmkit, "--max-record", "200")[0] == 0
    assert len(records(Path("out"), "documents")) == 3
    (quarantined,) = records(Path("out"), "quarantine")
    assert quarantined["reason"] == "longer than --max-record (200 bytes)"


def test_a_reader_without_options_is_called_with_the_file_alone(here: Path, lmkit: Lmkit) -> None:
    Path("plain.py").write_text(
        "from lmkit.plugins import Plugin, Record\nplugin = Plugin()\n"
        "@plugin.reader('plain', endings=('.plain',))\n"
        "def read(file):\n    yield Record(file.read().decode())\n"
    )
    Path("a.plain").write_text("A sentence that is long enough to be kept.")
    assert lmkit("clean", "a.plain", "--output", "out", "--plugin", "plain.py")[0] == 0
    (found,) = records(Path("out"))
    assert found["text"] == "A sentence that is long enough to be kept."
