"""Records of a Python program become documents like those of a file."""

import datetime
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lmkit
from lmkit.errors import ConfigError, InputError, LmkitError, OutputError
from lmkit.python import record_inputs
from tests.conftest import contents, manifest, records

TEXTS = [
    {"id": str(n), "text": f"This is the text of number {n}, and it is one."} for n in range(7)
]


def clean(inputs: Any, /, **options: Any) -> Any:
    config = lmkit.CleanConfig.model_validate({"output": "work/clean", "workers": 1} | options)
    return lmkit.clean(config, inputs=inputs)


def names() -> list[str]:
    return sorted(path.name for path in Path("work").iterdir())


def test_an_iterable_of_dicts_is_cleaned_like_a_file(here: Path) -> None:
    made = clean(iter(TEXTS))
    assert [each["text"] for each in records(Path("work/clean"))] == [e["text"] for e in TEXTS]
    (read,) = manifest(Path("work/clean"))["inputs"]
    assert read["path"] == "work/clean-records/records-00000.jsonl"
    assert read["bytes"] == Path(read["path"]).stat().st_size and len(read["sha256"]) == 1
    assert made.counts.documents_out == 7 and names() == ["clean", "clean-records"]
    lines = Path("work/clean-records/records-00000.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == TEXTS


def test_a_data_set_is_cleaned_with_its_own_column(here: Path) -> None:
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"body": [each["text"] for each in TEXTS]})
    assert clean(dataset, text_field="body").counts.documents_out == 7
    with pytest.raises(InputError, match="record 0 is a str, must be a dict") as error:
        clean(datasets.DatasetDict({"train": dataset}), output="work/other")
    assert "give one split" in str(error.value.hint)


def test_the_same_records_are_up_to_date_and_others_are_refused(here: Path) -> None:
    clean(TEXTS)
    before = contents(Path("work")), Path("work/clean-records/records-00000.jsonl").stat().st_mtime
    clean(iter(TEXTS))
    after = contents(Path("work")), Path("work/clean-records/records-00000.jsonl").stat().st_mtime
    assert after == before
    with pytest.raises(OutputError, match="other records than those in work/clean-records"):
        clean(TEXTS[:3])
    assert contents(Path("work")) == before[0]
    assert clean(TEXTS[:3], overwrite=True).counts.documents_in == 3


def broken() -> Iterator[dict[str, str]]:
    yield from TEXTS[:3]
    raise OSError("the network is gone")


def test_an_iterable_that_breaks_leaves_nothing_half_made(here: Path) -> None:
    with pytest.raises(OSError, match="the network is gone"):
        clean(broken())
    assert names() == []
    clean(TEXTS)
    before = contents(Path("work"))
    with pytest.raises(OSError, match="the network is gone"):
        clean(broken(), overwrite=True)
    assert contents(Path("work")) == before and names() == ["clean", "clean-records"]


def test_what_a_killed_program_has_left_is_written_again(here: Path) -> None:
    clean(TEXTS)
    before = contents(Path("work"))
    shutil.rmtree("work")
    Path("work/clean-records.partial").mkdir(parents=True)
    Path("work/clean-records.partial/records-00000.jsonl").write_text('{"half":')
    Path("work/clean-records.partial/records-00007.jsonl").write_text('{"half":')
    clean(TEXTS)
    assert contents(Path("work")) == before and names() == ["clean", "clean-records"]


def test_a_run_that_failed_resumes_with_the_records_that_are_there(here: Path) -> None:
    with pytest.raises(LmkitError, match="more than --max-quarantined"):
        clean([*TEXTS, {"id": "x"}], max_quarantined=0.0)
    written_at = Path("work/clean-records/records-00000.jsonl").stat().st_mtime_ns
    assert clean([*TEXTS, {"id": "x"}]).counts.quarantined == 1
    assert Path("work/clean-records/records-00000.jsonl").stat().st_mtime_ns == written_at


def test_many_records_are_several_files_and_workers_share_them(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_inputs, "FILE_BYTES", 150)
    assert clean(TEXTS, shard_bytes=100, workers=2).counts.documents_out == 7
    assert len(list(Path("work/clean-records").iterdir())) > 2


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "inputs: no records"),
        ([TEXTS[0], "a text"], "record 1 is a str, must be a dict"),
        ([{"text": object()}], "record 0 can't be written as JSON"),
        ([{"text": "a", "score": float("nan"), "more": 2**70}], "record 0 can't be written"),
    ],
)
def test_what_is_no_record_is_named(here: Path, inputs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        clean(inputs)
    assert names() == []


def test_values_that_json_has_are_kept(here: Path) -> None:
    when = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    clean([TEXTS[0] | {"metadata": {"big": 2**70, "when": None}, "at": "\ud800"}])
    assert records(Path("work/clean"))[0]["metadata"]["big"] == 2**70
    clean([TEXTS[0] | {"metadata": {"when": when}}], output="work/other")
    assert records(Path("work/other"))[0]["metadata"]["when"] == "2026-01-02T00:00:00+00:00"


def test_both_kinds_of_inputs_and_foreign_folders_are_refused(here: Path) -> None:
    with pytest.raises(ConfigError, match="got records, and files in the options"):
        clean(TEXTS, inputs=["a.txt"])
    folder = Path("work/clean-records")
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"lmkit did not write \(mine.txt\)"):
        clean(TEXTS)
    assert (folder / "mine.txt").read_text() == "mine" and names() == ["clean-records"]


def test_an_output_in_a_store_needs_files(here: Path) -> None:
    config = lmkit.CleanConfig(output=Path("s3://bucket/out"))
    with pytest.raises(ConfigError, match="got s3://bucket/out, but records are written to a disk"):
        lmkit.clean(config, inputs=[{"text": "a"}])
    assert not list(here.iterdir())
