import errno
import json
import random
import shutil
from pathlib import Path
from typing import Self

import pytest

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.lock import folder_lock
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.dedup.run import dedup
from lmkit.deduplication import registry
from lmkit.deduplication.exact import SameKey, digest_column
from lmkit.deduplication.options import MatchOptions
from tests.commands.dying import run_to_end, run_until_killed
from tests.conftest import Lmkit, contents, manifest, records

Texts = dict[str, str]


def write(path: str, texts: Texts) -> Path:
    lines = (json.dumps({"id": i, "text": t, "source": "s"}) for i, t in texts.items())
    Path(path).write_text("\n".join(lines))
    return Path(path)


def crawls() -> list[Texts]:
    """Three months: new texts, and exact and near copies of those of all months so far."""
    generator = random.Random(1)
    known: list[list[str]] = []
    texts_of_months: list[Texts] = []
    for month in range(3):
        texts: Texts = {}
        for number in range(30):
            words = [f"w{generator.randrange(10**6)}" for _ in range(150)]
            if known and number % 3:
                words = list(generator.choice(known))
                for _ in range(generator.choice([0, 2, 5, 9, 14])):
                    words[generator.randrange(150)] = f"new{generator.randrange(10**6)}"
            known.append(words)
            copied = " ".join(words)
            # The later the month, the smaller the ids: only precedence can keep the older.
            texts[f"{9 - month}-{number:02d}"] = copied.upper() if number % 2 else copied
        texts[f"{9 - month}-dots"] = "..."
        texts_of_months.append(texts)
    return texts_of_months


@pytest.fixture
def months(here: Path) -> list[Path]:
    return [write(f"{month}.jsonl", texts) for month, texts in enumerate(crawls())]


def kept(folder: str) -> list[str]:
    return sorted(record["id"] for record in records(Path(folder)))


def month_by_month(months: list[Path], **options: object) -> list[str]:
    found: list[str] = []
    for month, path in enumerate(months):
        config = {"inputs": [path], "output": f"out{month}", "index": "index", **options}
        dedup(DedupConfig.model_validate(config))
        found += kept(f"out{month}")
    return sorted(found)


@pytest.mark.parametrize("action", ["drop", "label"])
@pytest.mark.parametrize("shard_bytes", [1 << 26, 9_000])
def test_month_by_month_keeps_the_same_as_all_at_once_with_older_ones_first(
    months: list[Path], shard_bytes: int, action: str
) -> None:
    """Ids fall from month to month, so the largest id is an older one's."""
    options = {"keep": {"rule": "largest", "field": "id"}, "minhash": {"action": action}}
    dedup(DedupConfig.model_validate({"inputs": months, "output": "all", **options}))
    found = month_by_month(months, shard_bytes=shard_bytes, **options)
    assert found == kept("all")
    assert len(found) < 93
    removed = [
        record for month in range(3) for record in records(Path(f"out{month}"), "duplicates")
    ]
    assert len(removed) == 93 - len(found)
    assert all(record["kept"]["id"] in found for record in removed)
    assert any(record["kept"]["id"][0] > record["id"][0] for record in removed)


def test_earlier_crawls_are_not_read_again(months: list[Path]) -> None:
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("index")))
    months[0].unlink()
    shutil.rmtree("out0")
    dedup(DedupConfig(inputs=(months[1],), output=Path("out1"), index=Path("index")))
    removed = records(Path("out1"), "duplicates")
    assert any(record["kept"]["id"].startswith("9-") for record in removed)
    assert manifest(Path("out1"))["details"]["index"]["documents"] > 0


def test_a_finished_run_is_up_to_date_and_an_overwrite_ignores_its_own_part(
    months: list[Path], lmkit: Lmkit
) -> None:
    month_by_month(months[:2])
    before, index = kept("out0"), contents(Path("index"))
    command = ["dedup", months[0], "--output", "out0", "--index", "index"]
    assert "up to date" in lmkit(*command)[2]
    exit_code, _, _ = lmkit(*command, "--overwrite")
    assert exit_code == 0
    assert kept("out0") == before
    assert contents(Path("index")) == index


def test_killed_before_or_after_the_index_is_written_it_ends_with_the_same(
    months: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("whole-index")))
    shutil.copytree("whole-index", "killed-index")
    command = ["dedup", str(months[1]), "--workers", "1", "--output"]
    run_to_end(*command, "whole", "--index", "whole-index")
    for step in ("notes", "near", "representatives", "clusters", "documents", "index"):
        run_until_killed(step, 0, *command, "killed", "--index", "killed-index")
    config = DedupConfig(
        inputs=(months[1],), output=Path("killed"), index=Path("killed-index"), workers=1
    )
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(OutputFolder, "finish", lambda *_: 1 / 0)
        dedup(config)
    assert len(list(Path("killed-index").iterdir())) == 2
    dedup(config)
    assert contents(Path("killed")) == contents(Path("whole"))
    assert contents(Path("killed-index")) == contents(Path("whole-index"))


def test_documents_missing_in_the_index_are_warned_about(months: list[Path], lmkit: Lmkit) -> None:
    command = ["dedup", months[0], "--output", "out0", "--index", "index"]
    lmkit(*command)
    shutil.rmtree("index")
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0 and "--overwrite adds them" in " ".join(err.split())
    lmkit(*command, "--overwrite")
    assert Path("index/part-00000/index.json").exists()


def test_changing_a_crawl_that_later_ones_were_compared_with_is_refused(
    months: list[Path], lmkit: Lmkit
) -> None:
    month_by_month(months)
    before = contents(Path("index"))
    command = ["dedup", months[1], "--output", "out1", "--index", "index", "--overwrite"]
    exit_code, _, err = lmkit(*command, "--keep.rule", "largest", "--keep.field", "id")
    assert exit_code == 1 and "1 later parts were compared" in " ".join(err.split())
    assert contents(Path("index")) == before


def test_one_run_at_a_time_uses_an_index(months: list[Path], lmkit: Lmkit) -> None:
    Path("index").mkdir()
    with folder_lock(Path("index")):
        exit_code, _, err = lmkit("dedup", months[0], "--output", "out0", "--index", "index")
    assert exit_code == 2 and "--index: index: another run" in " ".join(err.split())
    assert not Path("out0").exists()


@pytest.mark.parametrize("kind", ["names", "ends", "digests", "bands", "shingles", "sizes"])
def test_a_corrupt_index_is_refused(months: list[Path], lmkit: Lmkit, kind: str) -> None:
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("index")))
    corrupt = Path(f"index/part-00000/{kind}-00000.scratch")
    corrupt.write_bytes(bytes(byte ^ 1 for byte in corrupt.read_bytes()))
    exit_code, _, err = lmkit("dedup", months[1], "--output", "out1", "--index", "index")
    assert exit_code == 2
    assert f"{kind}-00000.scratch is not what was written" in " ".join(err.split())


def test_a_file_that_no_task_has_written_is_refused(months: list[Path], lmkit: Lmkit) -> None:
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("index")))
    record = Path("index/part-00000/index.json")
    added = record.read_text().replace("names-00000", "names-00001", 1)
    copy = json.loads(record.read_text())
    copy["files"] += [file for file in json.loads(added)["files"] if "names" in file["name"]]
    record.write_text(json.dumps(copy))
    exit_code, _, err = lmkit("dedup", months[1], "--output", "out1", "--index", "index")
    assert exit_code == 2
    assert "damaged: index.json lists names-00001.scratch" in " ".join(err.split())


def test_an_index_on_another_file_system_holds_the_same(
    months: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file can't have two names, it is copied."""
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("linked")))

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    dedup(DedupConfig(inputs=(months[0],), output=Path("out1"), index=Path("copied")))
    assert contents(Path("copied")) == contents(Path("linked"))


def test_processes_share_an_index(months: list[Path]) -> None:
    found = []
    for workers in (1, 2):
        for month, path in enumerate(months):
            options = {"inputs": [path], "output": f"out{workers}{month}", "shard_bytes": 9_000}
            config = options | {"index": f"index{workers}", "workers": workers}
            dedup(DedupConfig.model_validate(config))
        found.append(contents(Path(f"index{workers}")))
    assert found[0] == found[1] and len(found[0]) > 20


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--minhash.rows", "7"], "--minhash.rows: got 7, but the index index was made with 8"),
        (["--minhash.threshold", "0.8"], "--minhash.min_similarity: got 0.8"),
        (["--minhash.action", "none"], "must be the same"),
        (
            ["--url", "drop"],
            "--index: compares copies of full documents, and can't be used with --url",
        ),
        (["--repeats.lines", "5"], "can't be used with --repeats"),
    ],
)
def test_settings_that_cannot_be_compared_are_refused(
    months: list[Path], lmkit: Lmkit, flags: list[str], message: str
) -> None:
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("index")))
    before = contents(Path("index"))
    exit_code, _, err = lmkit("dedup", months[1], "--output", "out1", "--index", "index", *flags)
    assert exit_code == 2
    assert message in " ".join(err.split())
    assert not Path("out1").exists()
    assert contents(Path("index")) == before


class SameLength(SameKey):
    """Of documents with as many characters, keep one."""

    reason = "length"
    column = digest_column("lengths")

    @classmethod
    def of(cls, options: MatchOptions) -> Self:
        return cls(options.keep)

    def key(self, document: Document) -> str:
        return str(len(document.text))


def test_an_index_without_the_columns_of_a_matcher_is_refused_and_with_them_it_is_used(
    here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = [write(f"{n}.jsonl", {f"{n}": text}) for n, text in enumerate(["one", "two"])]
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("old")))
    monkeypatch.setattr(registry, "MATCHERS", (*registry.MATCHERS, SameLength))
    command = ["dedup", months[1], "--output", "out1", "--index"]
    exit_code, _, err = lmkit(*command, "old")
    assert exit_code == 2 and not Path("out1").exists()
    message = "--index: old/part-00000 holds no lengths: its crawl was not searched for 'length'"
    assert message in " ".join(err.split())
    dedup(DedupConfig(inputs=(months[0],), output=Path("out0"), index=Path("new"), overwrite=True))
    assert Path("new/part-00000/lengths-00000.scratch").stat().st_size == 16
    assert lmkit(*command, "new")[0] == 0
    (removed,) = records(Path("out1"), "duplicates")
    assert (removed["id"], removed["kept"]["id"], removed["reason"]) == ("1", "0", "length")


def test_an_index_made_without_near_duplicates_is_refused_with_them(
    months: list[Path], lmkit: Lmkit
) -> None:
    exact_only = {"inputs": [months[0]], "output": "out0", "index": "index"}
    dedup(DedupConfig.model_validate({**exact_only, "minhash": {"action": None}}))
    exit_code, _, err = lmkit("dedup", months[1], "--output", "out1", "--index", "index")
    assert exit_code == 2 and "holds no bands" in " ".join(err.split())
    assert not Path("out1").exists()


@pytest.mark.parametrize("index", ["0.jsonl", "out0", "out0/index", "other"])
def test_another_folder_is_refused_as_an_index(
    months: list[Path], lmkit: Lmkit, index: str
) -> None:
    Path("other").mkdir()
    Path("other/letter.txt").write_text("Dear")
    exit_code, _, err = lmkit("dedup", months[0], "--output", "out0", "--index", index)
    assert exit_code == 2 and "--index" in err
    assert Path("other/letter.txt").read_text() == "Dear"
    assert not Path("out0").exists()
