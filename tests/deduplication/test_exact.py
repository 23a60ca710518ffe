from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.document_table import DocumentTable, writing_document_keys
from lmkit.deduplication.exact import Exact, SameUrl, groups_of_equals
from lmkit.deduplication.options import KeepConfig


@pytest.mark.parametrize(("rule", "stays"), [("first", 1), ("longest", 2)])
def test_texts_are_equal_but_for_case_blanks_and_unicode_form(
    tmp_path: Path, rule: str, stays: int
) -> None:
    keep = KeepConfig.model_validate({"rule": rule})
    exact = Exact(keep)
    tasks = [
        [("9", "Caf\u00e9 au lait"), ("1", "cafe\u0301 au\nlait")],
        [("5", "CAFÉ  au lait  "), ("0", "tea")],
    ]
    for number, documents in enumerate(tasks):
        writer = TaskWriter(tmp_path, "notes", number)
        with writing_document_keys(keep, writer) as name, exact.noting(writer) as note:
            for key, text in documents:
                name(Document(key, text, "s"), Path("x"))
                note(Document(key, text, "s"))
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    exact.match(folder, DocumentTable(((folder.scratch, 0), (folder.scratch, 1))), 1, [])
    gone = exact.gone(folder.scratch)
    assert {n: gone.get(n) for n in range(4)} == {
        n: (stays, 1.0) if n not in {stays, 3} else None for n in range(4)
    }


def test_documents_of_the_same_address_are_copies_and_those_without_one_are_not(
    tmp_path: Path,
) -> None:
    same = SameUrl(KeepConfig())
    documents = [
        ("3", {"url": "http://example.org/a/?utm_source=x"}),
        ("2", {"origin": "https://www.example.org/a"}),
        ("1", {"url": "https://example.org/b", "origin": "http://example.org/a"}),
        ("0", {"origin": "page.html"}),
        ("4", {"origin": "page.html", "url": 7}),
    ]
    writer = TaskWriter(tmp_path, "notes", 0)
    with writing_document_keys(KeepConfig(), writer) as name, same.noting(writer) as note:
        for key, metadata in documents:
            name(Document(key, "text", "s", metadata), Path("x"))
            note(Document(key, "text", "s", metadata))
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    notes = DocumentTable(((folder.scratch, 0),))
    same.match(folder, notes, 1, [])
    gone = same.gone(folder.scratch)
    assert {n: gone.get(n) for n in range(5)} == {0: (1, 1.0), **dict.fromkeys(range(1, 5))}
    exact = Exact(KeepConfig())
    with exact.noting(writer) as note:
        for key, metadata in documents[:2]:
            note(Document(key, "text", "s", metadata))
    exact.match(folder, notes, 1, [same])
    assert list(exact.gone(folder.scratch).numbers(0, 5)) == []  # one of the two is gone already


@given(st.lists(st.integers(0, 5), max_size=30))
def test_equal_digests_share_a_group_and_single_ones_have_none(numbers: list[int]) -> None:
    group_of, count = groups_of_equals(b"".join(bytes([n] * 16) for n in numbers))
    repeated = {n for n in numbers if numbers.count(n) > 1}
    assert count == len(repeated)
    assert {n: {g for m, g in zip(numbers, group_of, strict=True) if m == n} for n in numbers} == {
        n: {group_of[numbers.index(n)]} for n in numbers
    }
    assert [g >= 0 for g in group_of] == [n in repeated for n in numbers]
