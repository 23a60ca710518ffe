from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.dedup.options import DedupConfig
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.exact import Exact, SameUrl, groups_of_equals
from lmkit.deduplication.options import KeepConfig


@pytest.mark.parametrize(("rule", "kept"), [("first", 1), ("longest", 2)])
def test_texts_are_equal_up_to_case_white_space_and_unicode_form(
    tmp_path: Path, rule: str, kept: int
) -> None:
    keep = KeepConfig.model_validate({"rule": rule})
    exact = Exact(keep)
    tasks = [
        [("9", "Caf\u00e9 au lait"), ("1", "cafe\u0301 au\nlait")],
        [("5", "CAFÉ  au lait  "), ("0", "tea")],
    ]
    for number, documents in enumerate(tasks):
        writer = TaskWriter(tmp_path, "notes", number)
        with DocumentKeysFile(keep, writer) as keys, exact.collect(writer) as file:
            for key, text in documents:
                keys.add(Document(key, text, "s"), Path("x"))
                file.add(Document(key, text, "s"))
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    exact.match(folder, DocumentTable(((folder.scratch, 0), (folder.scratch, 1))), 1, [])
    removed = exact.removed(folder.scratch)
    assert {n: removed.get(n) for n in range(4)} == {
        n: (kept, 1.0) if n not in {kept, 3} else None for n in range(4)
    }


def test_documents_with_the_same_url_are_duplicates_and_those_without_one_are_not(
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
    with DocumentKeysFile(KeepConfig(), writer) as keys, same.collect(writer) as file:
        for key, metadata in documents:
            keys.add(Document(key, "text", "s", metadata), Path("x"))
            file.add(Document(key, "text", "s", metadata))
    folder = OutputFolder(DedupConfig(output=tmp_path), tmp_path, [])
    table = DocumentTable(((folder.scratch, 0),))
    same.match(folder, table, 1, [])
    removed = same.removed(folder.scratch)
    assert {n: removed.get(n) for n in range(5)} == {0: (1, 1.0), **dict.fromkeys(range(1, 5))}
    exact = Exact(KeepConfig())
    with exact.collect(writer) as file:
        for key, metadata in documents[:2]:
            file.add(Document(key, "text", "s", metadata))
    exact.match(folder, table, 1, [same])
    assert (
        list(exact.removed(folder.scratch).numbers(0, 5)) == []
    )  # one of the two is removed already


@given(st.lists(st.integers(0, 5), max_size=30))
def test_equal_digests_form_a_group_and_single_ones_have_none(numbers: list[int]) -> None:
    digests = np.repeat(np.array(numbers, np.uint64), 2).reshape(-1, 2)
    group_of, count = groups_of_equals(digests)
    repeated = {n for n in numbers if numbers.count(n) > 1}
    assert count == len(repeated)
    assert {n: {g for m, g in zip(numbers, group_of, strict=True) if m == n} for n in numbers} == {
        n: {group_of[numbers.index(n)]} for n in numbers
    }
    assert [g >= 0 for g in group_of] == [n in repeated for n in numbers]
