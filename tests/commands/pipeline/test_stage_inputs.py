from pathlib import Path

import pytest

from lmkit.commands.pipeline.stage_file import StageFile
from lmkit.commands.pipeline.stage_inputs import refuse_missing_inputs
from lmkit.errors import ConfigError
from tests.commands.pipeline.small_pipeline import STAGES, write_pipeline


def complaint(text: str, first: int = 0) -> str:
    Path("p.toml").write_text(text)
    every = StageFile.at(Path("p.toml")).stages()
    try:
        refuse_missing_inputs(every[first:], every, Path("p.toml"))
    except ConfigError as error:
        return f"{error.message}\n{error.hint}"
    return ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", ""),
        ('"raw"', '"rw"', "clean.inputs: rw: no such file or folder, and no earlier stage makes"),
        ('= "work/tokenizer"\nout', '= "work/tok"\nout', "pack.tokenizer: work/tok: no such file"),
        ('["raw"]', '["s3://bucket/pages"]', ""),
        ('["work/clean"]', '["work/packed"]', "made by the stage pack, which isn't an earlier"),
        ('"work/dedup"\n', '"work/clean"\n', "dedup.output: work/clean is the output of clean, "),
        ('["work/clean"]', '["work/clen"]', "makes it; did you mean work/clean?"),
    ],
)
def test_what_no_stage_makes_and_does_not_exist_is_named(
    here: Path, old: str, new: str, message: str
) -> None:
    write_pipeline(here)
    found = complaint(STAGES.replace(old, new, 1))
    assert message in found and bool(message) == bool(found)


def test_what_a_left_out_stage_makes_must_exist(here: Path) -> None:
    write_pipeline(here)
    assert "dedup.inputs: work/clean: no such file or folder; the stage clean" in complaint(
        STAGES, 1
    )
    Path("work/clean").mkdir(parents=True)
    assert complaint(STAGES, 1) == ""


def test_a_folder_to_be_made_and_a_file_inside_an_output_are_not_missing(here: Path) -> None:
    write_pipeline(here)
    index = STAGES.replace('output = "work/dedup"', 'output = "work/dedup"\nindex = "index"')
    inside = index.replace('["work/clean"]', '["work/clean/documents-00000.jsonl.zst"]')
    assert complaint(inside) == ""
