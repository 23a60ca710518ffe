import zipfile
from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.inputs import find_documents
from lmkit.readers import dispatch
from lmkit.readers.dispatch import read_slice
from tests.conftest import Lmkit


def test_documents_that_lmkit_wrote_keep_their_source_unless_another_is_given(
    raw: Path, lmkit: Lmkit
) -> None:
    lmkit("clean", raw, "--output", "clean")
    (part,) = find_documents([Path("clean")], formats=()).slices
    for given, expected in ((None, "raw"), ("mine", "mine")):
        documents = list(read_slice(part, [], source=given, max_record=1_000))
        assert len(documents) == 3
        assert {document.source for document in documents} == {expected}
        assert all(isinstance(document, Document) for document in documents)


def test_a_missing_library_is_named_before_work(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.pdf", "b.pdf"):
        (raw / name).write_bytes(b"%PDF-1.4")
    monkeypatch.setattr(dispatch, "find_spec", lambda name: None)
    exit_code, _, err = lmkit("clean", raw, "--output", "clean")
    assert exit_code == 2 and "pypdfium2" in err and "pip install" in err
    assert "1 more such file" in err and not Path("clean").exists()
    assert "; or leave these files out: --exclude '*.pdf'" in " ".join(err.split())
    assert lmkit("clean", raw, "--output", "clean", "--exclude", "*.pdf")[0] == 0


def test_a_file_in_an_archive_that_needs_a_missing_library_is_quarantined_with_the_cure(
    here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile("files.zip", "w") as file:
        file.writestr("a.pdf", b"%PDF-1.4")
        file.writestr("b.txt", "a text that is long enough to be kept")
    monkeypatch.setattr(dispatch, "find_spec", lambda name: None)
    exit_code, _, err = lmkit("clean", "files.zip", "--output", "clean")
    assert exit_code == 0 and "files.zip!/a.pdf" in err
    assert "pdf needs pypdfium2, which is not installed: pip install" in err
