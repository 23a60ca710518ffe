import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts import remote_destination
from lmkit.artifacts.lease import LEASE, LeaseRecord
from lmkit.artifacts.remote_destination import RemoteDestination, folder_name
from lmkit.artifacts.upload import Upload
from lmkit.errors import LmkitError
from lmkit.storage.object_store import ObjectStore, StoredFile
from tests.artifacts.faulty_store import FaultyFileSystem, faulty_store
from tests.conftest import Lmkit, contents, manifest, prose

OUT = "faulty://bucket/out"
HERE = ("--executor", "inline", "--scratch", "scratch")


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FaultyFileSystem]]:
    with faulty_store(monkeypatch) as store:
        yield store


@pytest.fixture
def documents(here: Path) -> Path:
    """Documents of which some repeat."""
    texts = prose(60) + prose(20)
    lines = [json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)]
    Path("some").mkdir()
    for number in range(8):
        Path(f"some/{number}.jsonl").write_text("".join(lines[number::8]))
    return Path("some")


def stages(output: Any) -> dict[str, tuple[str | Path, ...]]:
    """The arguments of all four stages; each but the first reads what one before it wrote."""
    return {
        "clean": ("some", "--shard-bytes", "20000"),
        "dedup": (output("clean"), "--shard-bytes", "20000"),
        "train-tokenizer": (output("dedup"), "--vocab-size", "600"),
        "pack": (
            *(output("dedup"), "--tokenizer", output("train-tokenizer"), "--shard-bytes", "20000"),
            *("--sequence-length", "32", "--validation", "0.1"),
        ),
    }


def test_all_four_stages_write_what_they_write_to_a_disk(
    documents: Path,
    faulty: type[FaultyFileSystem],
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faulty, "busy", 20)
    monkeypatch.setattr(faulty, "cuts", 1)
    for stage, arguments in stages(Path).items():
        assert lmkit(stage, *arguments, "--output", stage, "--workers", 1)[0] == 0
    for stage, arguments in stages(lambda name: f"faulty://bucket/{name}").items():
        url = f"faulty://bucket/{stage}"
        exit_code, out, err = lmkit(stage, *arguments, "--output", url, *HERE)
        assert exit_code == 0, err
        assert f"{url}: " in out and " requests" in err
        assert faulty.contents(f"bucket/{stage}") == contents(Path(stage))
        stored = json.loads(faulty.store[f"/bucket/{stage}/manifest.json"].getvalue())
        local = manifest(Path(stage))
        assert stored["outputs"] == local["outputs"] and stored["counts"] == local["counts"]
        assert "scratch" not in stored["config"] and "retries" not in stored["config"]
        assert "up to date" in lmkit(stage, *arguments, "--output", url, *HERE)[2]
    assert faulty.counts["refused"] > 3 and faulty.counts["cut"] == 1
    assert [path.name for path in Path("scratch").iterdir()] == ["copies"], "of the tokenizer"


def clean(lmkit: Lmkit, *more: str) -> tuple[int, str, str]:
    command = ("clean", "some", "--output", OUT, "--shard-bytes", "20000", *HERE)
    return lmkit(*command, *more)


def clean_without_publishing(lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop when everything is uploaded but the manifest."""

    def killed(*_: Any) -> None:
        raise LmkitError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(RemoteDestination, "publish", killed)
        assert clean(lmkit)[0] == 1


def test_one_listing_answers_whether_it_is_up_to_date(
    documents: Path, faulty: type[FaultyFileSystem], lmkit: Lmkit
) -> None:
    assert clean(lmkit)[0] == 0
    faulty.counts.clear()
    exit_code, _, err = clean(lmkit)
    assert exit_code == 0 and f"{OUT}: up to date" in err
    assert faulty.counts == {"requests": 2, "find": 1, "cat": 1}


def test_a_run_that_was_stopped_resumes_with_what_was_uploaded(
    documents: Path,
    faulty: type[FaultyFileSystem],
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert clean(lmkit)[0] == 0
    expected = faulty.contents("bucket/out")
    faulty.store.clear()
    put, uploads = ObjectStore.put, iter(range(100))

    def fails_later(store: ObjectStore, file: Path, name: str) -> None:
        if next(uploads) == 5:
            raise LmkitError("the network is down")
        put(store, file, name)

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "put", fails_later)
        assert clean(lmkit)[0] == 1
    assert "bucket/out/.partial/plan.json" in faulty.names()
    assert "bucket/out/manifest.json" not in faulty.names()
    exit_code, _, err = lmkit("dedup", OUT, "--output", "next")
    assert exit_code == 2 and "faulty://bucket/out: not finished" in err
    some = next(name for name in faulty.store if "/documents-00000" in name)
    first = faulty.store[some].created
    exit_code, _, err = clean(lmkit)
    assert exit_code == 0 and "resuming: 2 of" in err
    assert faulty.contents("bucket/out") == expected
    assert faulty.store[some].created == first, "it was uploaded again"


def test_a_file_that_was_deleted_from_the_store_is_made_again(
    documents: Path,
    faulty: type[FaultyFileSystem],
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clean_without_publishing(lmkit, monkeypatch)
    expected = faulty.contents("bucket/out")
    del expected[".partial/plan.json"]
    del faulty.store["/bucket/out/documents-00001.jsonl.zst"]
    assert clean(lmkit)[0] == 0
    assert faulty.contents("bucket/out") == expected


def test_another_disk_does_the_tasks_again(
    documents: Path,
    faulty: type[FaultyFileSystem],
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clean_without_publishing(lmkit, monkeypatch)
    exit_code, _, err = clean(lmkit, "--scratch", "another")
    assert exit_code == 0 and "resuming" not in err
    exit_code, _, err = clean(lmkit, "--seed", "7")
    assert exit_code == 2 and "--seed was 0, now 7" in err and f"{OUT} was made" in err


def test_a_changed_option_is_an_error_unless_overwritten(
    documents: Path, faulty: type[FaultyFileSystem], lmkit: Lmkit
) -> None:
    assert clean(lmkit)[0] == 0
    before = faulty.names()
    exit_code, _, err = clean(lmkit, "--shard-bytes", "10000000")
    assert exit_code == 2 and "--shard-bytes was 20000, now 10000000" in err
    assert faulty.names() == before
    assert clean(lmkit, "--shard-bytes", "10000000", "--overwrite")[0] == 0
    assert [name.rpartition("/")[2] for name in faulty.names()] == [
        *("documents-00000.jsonl.zst", "manifest.json", "signals-00000.parquet")
    ]


def test_files_of_others_are_left(
    documents: Path, faulty: type[FaultyFileSystem], lmkit: Lmkit
) -> None:
    ObjectStore(OUT, 0).write("thesis.tex", b"years of work")
    for more in ((), ("--overwrite",)):
        exit_code, _, err = clean(lmkit, *more)
        assert exit_code == 2 and f"{OUT} holds files that lmkit did not write (thesis.tex)" in err
    assert faulty.names() == ["bucket/out/thesis.tex"]
    Path("scratch", folder_name(OUT)).mkdir(parents=True)
    Path("scratch", folder_name(OUT), "notes.txt").write_text("mine")
    faulty.store.clear()
    exit_code, _, err = clean(lmkit)
    assert exit_code == 2 and "--scratch: " in err and "(notes.txt)" in err


def test_only_one_run_at_a_time_writes(
    documents: Path, faulty: type[FaultyFileSystem], lmkit: Lmkit
) -> None:
    other = replace(LeaseRecord.of_this_run(), host="node7", machine="another")
    ObjectStore(OUT, 0).write(LEASE, other.to_json())
    exit_code, _, err = clean(lmkit)
    assert exit_code == 2 and "another run is writing this folder" in err and "node7" in err
    assert faulty.names() == ["bucket/out/.lease"]


def test_a_run_whose_lease_was_taken_publishes_nothing(
    documents: Path,
    faulty: type[FaultyFileSystem],
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = RemoteDestination._check_uploads

    def taken(self: RemoteDestination, *arguments: Any) -> None:
        check(self, *arguments)
        ObjectStore(OUT, 0).write(LEASE, LeaseRecord.of_this_run().to_json())

    monkeypatch.setattr(RemoteDestination, "_check_uploads", taken)
    exit_code, _, err = clean(lmkit)
    assert exit_code == 1 and "took this folder over" in err
    assert "bucket/out/manifest.json" not in faulty.names()


def test_what_was_uploaded_is_compared_before_it_is_published(
    documents: Path,
    faulty: type[FaultyFileSystem],
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listing = ObjectStore.listing

    def with_etags(store: ObjectStore) -> dict[str, StoredFile]:
        return {name: StoredFile(file.size, "0" * 32) for name, file in listing(store).items()}

    with monkeypatch.context() as patch:  # ETags that are no MD5: contents are compared
        patch.setattr(ObjectStore, "listing", with_etags)
        patch.setattr(faulty, "damages", "documents-00001.jsonl.zst")
        exit_code, _, err = clean(lmkit)
        assert exit_code == 1 and "documents-00001.jsonl.zst: isn't what was uploaded" in err
        assert "bucket/out/documents-00001.jsonl.zst" not in faulty.names()
        patch.setattr(faulty, "damages", None)
        assert clean(lmkit)[0] == 0
    assert lmkit("clean", "some", "--output", "disk", "--shard-bytes", "20000")[0] == 0
    assert faulty.contents("bucket/out") == contents(Path("disk"))


def test_what_a_run_killed_after_publication_has_left_is_removed(
    documents: Path,
    faulty: type[FaultyFileSystem],
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(remote_destination.shutil, "rmtree", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            clean(lmkit)
    ObjectStore(OUT, 0).write(".partial/plan.json", b"{}")
    assert list(Path("scratch").iterdir())
    exit_code, _, err = clean(lmkit)
    assert exit_code == 0 and "up to date" in err
    assert not [name for name in faulty.names() if ".partial" in name or LEASE in name]
    assert not list(Path("scratch").iterdir())


def test_outputs_are_read_again_with_verify(
    documents: Path, faulty: type[FaultyFileSystem], lmkit: Lmkit
) -> None:
    assert clean(lmkit)[0] == 0
    file = faulty.store["/bucket/out/documents-00000.jsonl.zst"]
    size = file.size
    file.seek(0)
    file.write(bytes(size))
    assert clean(lmkit)[0] == 0
    exit_code, _, err = clean(lmkit, "--verify")
    assert exit_code == 2 and f"{OUT}/documents-00000.jsonl.zst doesn't match" in err


def test_the_folder_of_the_work_follows_from_the_url() -> None:
    one, two = folder_name("s3://a/clean"), folder_name("s3://b/clean")
    assert one != two and one == folder_name("s3://a/clean") and one.startswith("clean-")
    destination = RemoteDestination(ObjectStore("s3://a/clean", 0), Path("x"), keeps=True)
    assert destination.folder == Path("x") / one
    assert destination.upload == Upload(ObjectStore("s3://a/clean", 0), keeps=True)
