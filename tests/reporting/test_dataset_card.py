import json
from pathlib import Path

import pytest

from lmkit.reporting.dataset_card import dataset_card, known_languages
from tests.reporting.folders import data_of, write_folder, write_run


def test_the_card_says_what_is_known_and_what_is_not(pipeline: Path) -> None:
    text = dataset_card(data_of(pipeline / "work"))
    assert text
    head = dict(line.split(": ", 1) for line in text.split("---")[1].strip().splitlines())
    assert json.loads(head["tags"]) == ["lmkit"] and "license" not in head
    assert json.loads(head["size_categories"]) == ["n<1K"]
    assert "| books | 1 |" in text and "| dedup | lmkit dedup |" in text
    assert "Licence, intended use" in text and "lmkit dedup work/clean-0 work/clean-1" in text


def test_its_snippet_loads_the_documents(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.chdir(pipeline)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(pipeline / "cache"))
    text = dataset_card(data_of(pipeline / "work"))
    assert text
    exec(text.split("```python\n")[1].split("```")[0], {})
    assert len(capsys.readouterr().out) > 100


def test_languages_are_those_that_were_asked_for(tmp_path: Path) -> None:
    write_folder(tmp_path / "clean", "clean", {"language": ["en", "de"]})
    assert known_languages(data_of(tmp_path).folders()) == ["de", "en"]


def test_labelled_languages_are_those_of_the_kept_documents(tmp_path: Path) -> None:
    rows = [
        {"language": name, "in": count, "out": count, "quarantined": 0, "dropped": {}}
        for name, count in {"fr": 900, "en": 99, "unknown": 50, "it": 1}.items()
    ]
    write_folder(tmp_path / "c", "clean", {"language": ["all"]}, details={"by_language": rows})
    assert known_languages(data_of(tmp_path).folders()) == ["en", "fr"]


def test_without_documents_there_is_no_card(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [1])
    assert dataset_card(data_of(tmp_path)) is None
