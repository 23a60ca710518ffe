import json
import shutil
from pathlib import Path

from lmkit.reporting.sections.tokenizer_compression import read_report, tokenizer_compression
from tests.reporting.folders import data_of, write_folder


def test_compression_is_shown_by_source_and_special_tokens_listed(pipeline: Path) -> None:
    section = tokenizer_compression(data_of(pipeline / "work"))
    assert section and "Special tokens of tokenizer" in section.content
    rows = read_report(pipeline / "work" / "tokenizer")
    assert {row.source for row in rows} == {"all", "books", "we<b>b'"}
    assert f"{rows[0].bytes_per_token:.2f} ({rows[0].texts} texts)" in section.content


def test_two_tokenizers_stand_next_to_each_other(pipeline: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(pipeline / "work" / "tokenizer", tmp_path / name)
    manifest = tmp_path / "two" / "manifest.json"
    changed = json.loads(manifest.read_text()) | {"inputs": []}
    manifest.write_text(json.dumps(changed))
    (tmp_path / "one" / "manifest.json").write_text(json.dumps(changed))
    section = tokenizer_compression(data_of(tmp_path))
    assert section and "all: one" in section.content and "all: two" in section.content


def test_a_tokenizer_that_is_not_finished_is_listed(tmp_path: Path) -> None:
    write_folder(tmp_path / "t", "train-tokenizer", {"algorithm": "bpe"}, finished=False)
    section = tokenizer_compression(data_of(tmp_path))
    assert section and "<td>bpe</td>" in section.content
