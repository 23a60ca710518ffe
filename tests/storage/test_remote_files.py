from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest

from lmkit.artifacts.inputs import Slice, find_documents, open_slice
from lmkit.errors import InputError, LmkitError
from lmkit.storage import remote_files as remote_files
from lmkit.storage.byte_ranges import Range
from lmkit.storage.remote_files import (
    DiskFile,
    file_at,
    open_file,
    state_of,
    time_of,
    version_read,
)
from tests.conftest import Lmkit, manifest, records, texts

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little, number"


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system in this process."""
    file_system = fsspec.filesystem("memory")
    yield file_system
    file_system.rm("/", recursive=True)


def test_files_at_a_url_are_read_like_those_on_a_disk(
    here: Path, memory: Any, lmkit: Lmkit
) -> None:
    Path("bucket/deep").mkdir(parents=True)
    lines = "".join(f'{{"text": "{GOOD} {n}"}}\n' for n in range(3))
    Path("bucket/a.jsonl").write_text(lines + "no JSON\n")
    Path("bucket/deep/b.txt").write_text(f"{GOOD} nine")
    Path("bucket/picture.png").touch()
    for name in ("a.jsonl", "deep/b.txt", "picture.png"):
        memory.pipe(f"/bucket/{name}", Path("bucket", name).read_bytes())
    for url, output in (("bucket", "disk"), ("memory://bucket", "remote")):
        exit_code, _, err = lmkit("clean", url, "--output", output)
        assert exit_code == 0 and "1 .png" in err, err
    assert records(Path("remote"), "documents") == records(Path("disk"), "documents")
    assert records(Path("remote"), "quarantine") == records(Path("disk"), "quarantine")
    hashes = [
        [entry["sha256"] for entry in manifest(Path(o))["inputs"]] for o in ("disk", "remote")
    ]
    assert hashes[0] == hashes[1]
    assert "up to date" in lmkit("clean", "memory://bucket", "--output", "remote")[2]


class PinnedFile(BytesIO):
    """A file as s3fs opens it: every request names the version."""

    read_kw: ClassVar[dict[str, str]] = {"IfMatch": '"one"'}
    details: ClassVar[dict[str, Any]] = {
        "size": 15,
        "ETag": '"one"',
        "LastModified": datetime(2026, 1, 2, tzinfo=UTC),
    }


class FileExpired(OSError):  # noqa: N818 (its name in s3fs)
    """What s3fs raises."""


class PinnedStore:
    """A file system that counts how often it is asked for the state of a file."""

    def __init__(self, file: BytesIO) -> None:
        self.file = file
        self.asked = 0

    def open(self, *_: Any, **__: Any) -> BytesIO:
        return self.file

    def info(self, _: str) -> dict[str, Any]:
        self.asked += 1
        return PinnedFile.details

    def invalidate_cache(self) -> None: ...


def pinned_slice(store: PinnedStore, patch: pytest.MonkeyPatch) -> Slice:
    patch.setattr(remote_files, "file_system_at", lambda url: (store, url))
    size, modified = state_of("s3://b/a.txt")
    store.asked = 0
    return Slice(0, "s3://b/a.txt", "s", "a.txt", "text", "none", 0, 15, size, modified)


def test_of_a_file_whose_version_is_pinned_the_state_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = PinnedStore(PinnedFile(b"Call me Ishmael"))
    part = pinned_slice(store, monkeypatch)
    read: list[Any] = []
    for source in open_slice(part, read):
        assert source.read() == b"Call me Ishmael" and source.version == (15, part.modified)
    assert store.asked == 0 and len(read) == 1
    part = pinned_slice(PinnedStore(PinnedFile(b"Call me Ishmael")), monkeypatch)
    with pytest.raises(LmkitError, match=r"a\.txt: it has changed since the work was planned"):
        [*open_slice(part._replace(modified=1), read)]


def test_a_version_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(PinnedFile):
        def read(self, _: int | None = -1) -> bytes:
            raise FileExpired(16, "the file and its Etag no longer exist")

    part = pinned_slice(PinnedStore(Gone(b"Call me Ishmael")), monkeypatch)
    with pytest.raises(LmkitError, match=r"a\.txt: it has changed while it was read"):
        for source in open_slice(part, []):
            source.read()


def test_other_files_may_have_another_version_by_now(memory: Any, here: Path) -> None:
    memory.pipe("/a.txt", b"Call me Ishmael")
    Path("a.txt").write_text("Call me Ishmael")
    for path in ("memory://a.txt", "a.txt"):
        with Range(path, 0, 15) as source:
            assert source.version is None
    assert version_read(BytesIO()) is None


def test_the_time_of_a_file_is_local(
    memory: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/a.txt", b"a")
    Path("a.txt").write_text("a")
    now = datetime.now()
    for path in ("memory://a.txt", "a.txt"):
        found = time_of(path)
        assert found and abs((found - now).total_seconds()) < 600
    store = PinnedStore(PinnedFile())
    monkeypatch.setattr(store, "info", lambda _: {"size": 1})
    monkeypatch.setattr(remote_files, "file_system_at", lambda url: (store, url))
    assert time_of("s3://b/a.txt") is None


def test_a_rewritten_file_of_the_same_size_is_read_before_it_counts_as_changed(
    here: Path, memory: Any, lmkit: Lmkit
) -> None:
    memory.pipe("/a.txt", f"{GOOD} one".encode())
    command = ("clean", "memory://a.txt", "--output", "out")
    assert lmkit(*command)[0] == 0
    memory.pipe("/a.txt", f"{GOOD} one".encode())
    assert "up to date" in lmkit(*command)[2]
    memory.pipe("/a.txt", f"{GOOD} two".encode())
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "has changed" in err


@pytest.mark.parametrize(("then", "message"), [(b"longer", "has changed"), (None, "is gone")])
def test_a_file_that_changes_while_it_is_read_ends_the_run(
    memory: Any, then: bytes | None, message: str
) -> None:
    memory.pipe("/a.txt", b"first")
    (part,) = find_documents([Path("memory://a.txt")], formats=("text",)).slices
    if then:
        memory.pipe("/a.txt", then)
    else:
        memory.rm("/a.txt")
    with pytest.raises(LmkitError, match=f"memory://a.txt: .*{message}") as error:
        list(open_slice(part, []))
    assert error.value.exit_code == 1


def test_file_urls_are_paths(raw: Path, lmkit: Lmkit) -> None:
    assert lmkit("clean", f"file://{raw.resolve()}", "--output", "out")[0] == 0
    assert lmkit("clean", "raw", "--output", "same")[0] == 0
    assert texts(Path("out")) == texts(Path("same")) != []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://nothing.txt", "memory://nothing.txt: no such file or folder"),
        ("mem0ry://a.txt", "mem0ry:// is not known; did you mean memory?"),
        ("memory://a.png", "memory://a.png: must be in a format that is known; it ends in .png"),
        ("memory://empty", "memory://empty: no files to read in it"),
    ],
)
def test_a_wrong_url_is_reported_before_work_starts(
    here: Path, memory: Any, lmkit: Lmkit, url: str, message: str
) -> None:
    memory.pipe("/a.png", b"\x89PNG")
    memory.pipe("/empty/a.png", b"\x89PNG")
    exit_code, _, err = lmkit("clean", url, "--output", "out")
    assert exit_code == 2 and message in " ".join(err.split())
    assert not Path("out").exists()


def test_a_missing_extra_is_named(
    here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(url: str) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", without)
    exit_code, _, err = lmkit("clean", "s3://bucket/a.jsonl", "--output", "out")
    assert exit_code == 2
    assert (
        "Install s3fs" in err and "pip install 's3fs>=" in err and "; or leave out what is" in err
    )


def test_an_unreadable_file_at_a_url_ends_the_run(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/a.txt", b"abc")

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError("Forbidden")

    monkeypatch.setattr(type(memory), "open", refused)
    with pytest.raises(LmkitError, match=r"memory://a.txt: cannot be read: Forbidden"):
        open_file(Path("memory://a.txt"))
    monkeypatch.setattr(type(memory), "info", refused)
    with pytest.raises(InputError, match="Forbidden"):
        find_documents([Path("memory://a.txt")], formats=("text",))


def test_a_server_that_reports_no_size_is_refused(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = {"name": "/a.txt", "size": None, "type": "file"}
    monkeypatch.setattr(type(memory), "info", lambda *_, **__: info)
    with pytest.raises(InputError, match="doesn't report its size"):
        state_of(Path("memory://a.txt"))


def test_a_file_on_the_disk_takes_precedence(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("memory:/a.txt")
    path.parent.mkdir()
    path.write_text("abc")
    monkeypatch.setattr(remote_files, "file_system_at", lambda _: pytest.fail("called"))
    assert file_at(path) == DiskFile(str(path))
    assert state_of(path).size == 3
