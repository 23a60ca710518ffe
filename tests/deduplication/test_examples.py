import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import PARTIAL, Receipt, TaskWriter
from lmkit.deduplication.document_table import DocumentKeysFile, DocumentTable
from lmkit.deduplication.examples import (
    LISTED,
    SHOWN,
    ExampleCollector,
    side_by_side,
    summary_of,
    write_examples,
)
from lmkit.deduplication.options import KeepConfig
from lmkit.deduplication.removal_table import NO_REPRESENTATIVE, Removals, write_removals


def chosen(folder: Path, sources: str, **rows: list[tuple[int, int, float]]) -> Receipt:
    """Document n is of the n-th source, and its text is the numbers of those before it."""
    writer = TaskWriter(folder, "notes", 0)
    documents = [
        Document(str(n), " ".join(map(str, range(n))), source) for n, source in enumerate(sources)
    ]
    with DocumentKeysFile(KeepConfig(), writer) as keys:
        for document in documents:
            keys.add(document, Path("x"))
    tables: list[tuple[str, Removals]] = []
    for reason, found in rows.items():
        write_removals(folder / reason, found)
        tables.append((reason, Removals([folder / reason])))
    task = TaskWriter(folder, "audit", 0)
    write_examples(tables, DocumentTable(((folder / PARTIAL, 0),)), task)
    return task.finish()


def test_duplicates_count_for_their_final_representative(tmp_path: Path) -> None:
    exact, near = [(1, 0, 1.0), (4, 3, 1.0)], [(0, 2, 0.8), (5, NO_REPRESENTATIVE, 0.0)]
    facts = chosen(tmp_path, "abbacc", exact=exact, near=near).facts
    assert facts["sizes"] == {"2": 1, "3": 1}
    assert facts["largest"] == [
        {"documents": 3, "source": "b", "id": "2"},
        {"documents": 2, "source": "a", "id": "3"},
    ]


def test_examples_are_spread_from_the_lowest_similarity_on(tmp_path: Path) -> None:
    near = [(n, 0, 0.7 + n / 1000) for n in range(1, 101)]
    facts = chosen(tmp_path, "s" * 101, near=near).facts
    assert [number for number, _, _ in facts["examples"]] == [1, 20, 40, 60, 80, 100]


def test_labelled_documents_are_clusters_of_their_own(tmp_path: Path) -> None:
    facts = chosen(tmp_path, "sss", near=[(0, 0, 1.0), (1, 0, 0.9)]).facts
    assert facts["sizes"] == {"2": 1}
    assert facts["examples"] == [(1, 0, 0.9)]


def test_the_summary_is_empty_if_nothing_was_found(tmp_path: Path) -> None:
    receipt = chosen(tmp_path, "ss")
    found = summary_of(receipt, [])
    assert not any(found.values())


def test_what_tasks_collect_is_merged(tmp_path: Path) -> None:
    receipt = chosen(tmp_path, "ab", near=[(1, 0, 0.9)])
    receipts: list[Receipt] = []
    for number, text in enumerate(("one two", "one too")):
        collector = ExampleCollector(receipt.facts["examples"])
        collector.add(number, Document(str(number), text, "ab"[number]))
        collector.count("near", "b", "a")
        writer = TaskWriter(tmp_path, "documents", number)
        collector.write_facts(writer)
        receipts.append(writer.finish())
    found = summary_of(receipt, receipts)
    assert found["duplicates"] == [{"reason": "near", "source": "b", "of": "a", "documents": 2}]
    assert found["examples"] == [
        {
            "similarity": 0.9,
            "stays": {"source": "a", "id": "0"},
            "like": {"source": "b", "id": "1"},
            "its_text": "one [[two]]",
            "text": "one [[too]]",
        }
    ]


def test_the_list_of_pairs_is_truncated(tmp_path: Path) -> None:
    collector, writer = ExampleCollector([]), TaskWriter(tmp_path, "documents", 0)
    for number in range(LISTED + 5):
        collector.count("near", str(number), "a")
    collector.write_facts(writer)
    listed = summary_of(chosen(tmp_path, "s"), [writer.finish()])["duplicates"]
    assert len(listed) == LISTED + 1 and sum(pair["documents"] for pair in listed) == LISTED + 5


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


@given(WORDS, WORDS)
def test_text_outside_of_brackets_is_the_same_in_both(one: list[str], other: list[str]) -> None:
    shown = side_by_side(" ".join(one), " ".join(other))
    plain = [re.sub(r"\[\[.*?\]\]", "", text).split() for text in shown]
    assert plain[0] == plain[1]
    for words, text in zip((one, other), shown, strict=True):
        bare = text.replace("[[", "").replace("]]", "").split()
        if "…" not in bare:
            assert bare == words or one == other


def test_only_the_neighbourhood_of_a_difference_is_shown() -> None:
    words = [f"w{n}" for n in range(100)]
    one, other = " ".join(words), " ".join([*words[:50], "new", *words[51:]])
    assert side_by_side(one, other) == (
        "… w46 w47 w48 w49 [[w50]] w51 w52 w53 w54 …",
        "… w46 w47 w48 w49 [[new]] w51 w52 w53 w54 …",
    )
    assert max(map(len, side_by_side("x " * 999, "y " * 999))) <= SHOWN


def test_texts_of_few_words_are_aligned_in_a_moment() -> None:
    begin = "same " * 3_000
    one, other = side_by_side(begin + "a " * 3_000, begin + "b a " * 1_500)  # hours, as a whole
    assert one.startswith("… same same same same ") and "[[b]]" in other


def test_what_is_cut_off_is_no_difference() -> None:
    words = [f"w{n}" for n in range(3_000)]
    one, other = " ".join(["old", *words]), " ".join(["brand", "new", *words])
    assert side_by_side(one, other) == ("[[old]] w0 w1 w2 w3 …", "[[brand new]] w0 w1 w2 w3 …")
