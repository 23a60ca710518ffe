from pathlib import Path

import pytest

from lmkit.artifacts.documents import Document
from lmkit.artifacts.folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.stages.dedup import DedupConfig
from lmkit.text.exact import Exact, SameAddress
from lmkit.text.keeping import Keep
from lmkit.text.notes import Notes, noting_names


@pytest.mark.parametrize(("rule", "stays"), [("first", 1), ("longest", 2)])
def test_texts_are_equal_but_for_case_blanks_and_unicode_form(
    tmp_path: Path, rule: str, stays: int
) -> None:
    keep = Keep.model_validate({"rule": rule})
    exact = Exact(keep)
    tasks = [
        [("9", "Caf\u00e9 au lait"), ("1", "cafe\u0301 au\nlait")],
        [("5", "CAFÉ  au lait  "), ("0", "tea")],
    ]
    for number, documents in enumerate(tasks):
        writer = TaskWriter(tmp_path, "notes", number)
        with noting_names(keep, writer) as name, exact.noting(writer) as note:
            for key, text in documents:
                name(Document(key, text, "s"), Path("x"))
                note(Document(key, text, "s"))
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    exact.match(folder, Notes(((folder.scratch, 0), (folder.scratch, 1))), 1, [])
    gone = exact.gone(folder.scratch)
    assert {n: gone.get(n) for n in range(4)} == {
        n: (stays, 1.0) if n not in {stays, 3} else None for n in range(4)
    }


def test_documents_of_the_same_address_are_copies_and_those_without_one_are_not(
    tmp_path: Path,
) -> None:
    same = SameAddress(Keep())
    documents = [
        ("3", {"url": "http://example.org/a/?utm_source=x"}),
        ("2", {"origin": "https://www.example.org/a"}),
        ("1", {"url": "https://example.org/b", "origin": "http://example.org/a"}),
        ("0", {"origin": "page.html"}),
        ("4", {"origin": "page.html", "url": 7}),
    ]
    writer = TaskWriter(tmp_path, "notes", 0)
    with noting_names(Keep(), writer) as name, same.noting(writer) as note:
        for key, metadata in documents:
            name(Document(key, "text", "s", metadata), Path("x"))
            note(Document(key, "text", "s", metadata))
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    notes = Notes(((folder.scratch, 0),))
    same.match(folder, notes, 1, [])
    gone = same.gone(folder.scratch)
    assert {n: gone.get(n) for n in range(5)} == {0: (1, 1.0), **dict.fromkeys(range(1, 5))}
    exact = Exact(Keep())
    with exact.noting(writer) as note:
        for key, metadata in documents[:2]:
            note(Document(key, "text", "s", metadata))
    exact.match(folder, notes, 1, [same])
    assert list(exact.gone(folder.scratch).numbers(0, 5)) == []  # one of the two is gone already
