"""`--output-format parquet` of clean and dedup, through every stage that reads documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.dying import run_to_end, run_until_killed
from tests.conftest import Lmkit, contents, manifest, prose, records
from tests.tokenizers.made import train

ODD: list[dict[str, Any]] = [
    {"text": "half a pair \ud800 and " + "some words " * 9, "score": 1, "id": "\udfff"},
    {"text": "a zero \0 and " + "other words " * 9, "score": "1", "metadata": {"a": [1, None]}},
    {"text": "a number " * 9, "score": [2**70, {"b": 0.5}], "source": "elsewhere", "id": 7},
    {"text": "short"},
]


@pytest.fixture
def raw(here: Path) -> Path:
    """Two files of documents, half of which are there twice, and some of all kinds of metadata."""
    texts = prose(40)
    Path("raw").mkdir()
    for number, name in enumerate(("a", "b")):
        rows = [{"text": text, "n": n, name: {"m": n}} for n, text in enumerate(texts)]
        rows += ODD if number else []
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        Path(f"raw/{name}.jsonl").write_text(lines + "no JSON\n")
    return Path("raw")


CUT = ("--shard-bytes", "9000")
CLEAN = ("clean", *CUT, "--normalize.unicode", "none", "--no-normalize.control")
DEDUP = ("dedup", *CUT)


def run(lmkit: Lmkit, raw: Path, kind: str, workers: int = 1) -> None:
    """Clean, dedup and pack, with documents in a format."""
    common = ("--workers", str(workers), "--output-format", kind, "--output")
    assert lmkit(*CLEAN, raw, *common, f"{kind}/clean")[0] == 0
    assert lmkit(*DEDUP, f"{kind}/clean", *common, f"{kind}/dedup")[0] == 0


def test_every_stage_reads_what_it_would_read_of_json_lines(raw: Path, lmkit: Lmkit) -> None:
    from lmkit.tokenizers.tokenizer import save

    Path("tokenizer").mkdir()
    save(train(prose(20), "bpe", 700), Path("tokenizer"))
    for kind in ("jsonl.zst", "parquet"):
        run(lmkit, raw, kind)
        for stage in ("clean", "dedup"):
            options = "--tokenizer tokenizer --sequence-length 64 --validation 0.2"
            limits = "--limits.odd-fraction 1 --limits.unknown-fraction 1 --limits.max-entropy none"
            folders = (f"{kind}/{stage}", "--output", f"{kind}/packed-{stage}")
            exit_code, _, err = lmkit("pack", *folders, *options.split(), *limits.split())
            assert exit_code == 0, err
        found = lmkit("inspect", f"{kind}/dedup", "--samples", "5", "--json")[1]
        Path(f"{kind}/shown").write_text(json.dumps(json.loads(found)["sample_documents"]))
    lines, tables = Path("jsonl.zst"), Path("parquet")
    for same in ("packed-clean", "packed-dedup"):
        assert contents(lines / same) == contents(tables / same)
    assert (lines / "shown").read_text() == (tables / "shown").read_text()
    for stage in ("clean", "dedup"):
        assert manifest(lines / stage)["counts"] == manifest(tables / stage)["counts"]
        assert not [*(tables / stage).glob("documents-*.jsonl.zst")]
        assert [*(tables / stage).glob("documents-*.parquet")]
    for kind in ("rejected", "quarantine"):
        assert records(lines / "clean", kind) == records(tables / "clean", kind) != []


def test_other_programs_read_all_shards_as_one_table(raw: Path, lmkit: Lmkit) -> None:
    import datasets
    import pandas

    run(lmkit, raw, "jsonl.zst")
    run(lmkit, raw, "parquet")
    expected = records(Path("jsonl.zst/dedup"))
    shards = sorted(Path("parquet/dedup").glob("documents-*.parquet"))
    assert len(shards) > 1
    files = [str(path) for path in shards]
    table = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir="cache")
    frames = pandas.concat([pandas.read_parquet(path) for path in shards])
    for rows in (table.to_list(), frames.to_dict("records")):
        assert [json.loads(row["metadata"]) for row in rows] == [
            document["metadata"] for document in expected
        ]
        texts = [document["text"].replace("\ud800", "\\ud800") for document in expected]
        assert [row["text"] for row in rows] == texts


def test_the_bytes_are_the_same_for_any_number_of_workers(raw: Path, lmkit: Lmkit) -> None:
    run(lmkit, raw, "parquet")
    Path("parquet").rename("one")
    run(lmkit, raw, "parquet", workers=2)
    for stage in ("clean", "dedup"):
        assert contents(Path("one", stage)) == contents(Path("parquet", stage))


@pytest.mark.parametrize("stage", ["clean", "dedup"])
def test_killed_it_ends_with_the_same_bytes(raw: Path, lmkit: Lmkit, stage: str) -> None:
    run(lmkit, raw, "jsonl.zst")
    command = (
        [*CLEAN, "raw/a.jsonl", "raw/b.jsonl"] if stage == "clean" else [*DEDUP, "jsonl.zst/clean"]
    )
    command += ["--workers", "1", "--output-format", "parquet", "--output"]
    run_to_end(*command, "whole")
    run_until_killed("documents", 1, *command, "killed")
    assert not Path("killed/manifest.json").exists()
    assert "resuming" in run_to_end(*command, "killed")
    assert contents(Path("killed")) == contents(Path("whole"))


def test_another_format_for_the_same_folder_is_named(raw: Path, lmkit: Lmkit) -> None:
    command = ("clean", raw, "--output", "out")
    assert lmkit(*command)[0] == 0
    exit_code, _, err = lmkit(*command, "--output-format", "parquet")
    assert exit_code == 2
    assert "--output-format was jsonl.zst, now parquet" in err
    assert lmkit(*command, "--output-format", "parquet", "--overwrite")[0] == 0
    assert not [*Path("out").glob("documents-*.jsonl.zst")]


def test_an_unknown_format_is_refused(raw: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("clean", raw, "--output", "out", "--output-format", "csv")
    assert exit_code == 2
    assert "--output-format: got csv, must be 'jsonl.zst' or 'parquet'" in err


def test_a_folder_whose_documents_were_all_dropped_holds_empty_tables(
    here: Path, lmkit: Lmkit
) -> None:
    Path("a.jsonl").write_text('{"text": "short"}\n')
    assert lmkit("clean", "a.jsonl", "--output", "out", "--output-format", "parquet")[0] == 0
    import pyarrow.parquet as pq

    assert pq.read_table("out/documents-00000.parquet").num_rows == 0
    assert "lmkit clean kept none" in lmkit("dedup", "out", "--output", "next")[2]
