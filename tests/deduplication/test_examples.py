import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.tasks import PARTIAL, Receipt, TaskWriter
from lmkit.deduplication.clusters.cluster_counts import ClusterCounts
from lmkit.deduplication.examples import (
    LISTED,
    SHOWN,
    ExampleCollector,
    side_by_side,
    summary_of,
)
from lmkit.deduplication.keep_policy import DocumentKey


def key(source: str, identity: str) -> DocumentKey:
    return DocumentKey(source, identity, "", "x", 1, None)


def test_the_summary_is_empty_if_nothing_was_found() -> None:
    found = summary_of(ClusterCounts(), [])
    assert not any(found.values())


def test_clusters_are_listed_by_their_size() -> None:
    counts = ClusterCounts({2: 5, 11: 1}, [(11, key("a", "7")), (2, key("b", "1"))])
    found = summary_of(counts, [])
    assert found["clusters"] == {"2": 5, "11": 1}
    assert found["largest_clusters"] == [
        {"documents": 11, "source": "a", "id": "7"},
        {"documents": 2, "source": "b", "id": "1"},
    ]


def test_what_tasks_collect_is_merged(tmp_path: Path) -> None:
    (tmp_path / PARTIAL).mkdir()
    counts = ClusterCounts(examples=[(1, 0, 0.9)])
    receipts: list[Receipt] = []
    for number, text in enumerate(("one two", "one too")):
        collector = ExampleCollector(counts.examples)
        collector.add(number, Document(str(number), text, "ab"[number]))
        collector.count("near", "b", "a")
        writer = TaskWriter(tmp_path, "documents", number)
        collector.write_facts(writer)
        receipts.append(writer.finish())
    found = summary_of(counts, receipts)
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
    (tmp_path / PARTIAL).mkdir()
    collector, writer = ExampleCollector([]), TaskWriter(tmp_path, "documents", 0)
    for number in range(LISTED + 5):
        collector.count("near", str(number), "a")
    collector.write_facts(writer)
    listed = summary_of(ClusterCounts(), [writer.finish()])["duplicates"]
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
