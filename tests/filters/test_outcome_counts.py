import json
import random
from collections import Counter
from hashlib import blake2b
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document, Outcome, Rejected, Unreadable
from lmkit.filters.outcome_counts import (
    EXAMPLES,
    LISTED,
    MAX_NAMES,
    SHOWN,
    CountsByName,
    OutcomeCounts,
    outcome_sections,
    total_counts,
)


def outcomes(count: int, sources: int = 3) -> list[Outcome]:
    """Every third document is short, every seventh can't be read."""
    result: list[Outcome] = []
    for n in range(count):
        source = f"source {n % sources}"
        document = Document(str(n), f"text {n}", source, {"language": "en"} if n % 2 else {})
        result.append(document)
        if n % 7 == 0:
            result[-1] = Unreadable(source, "x", n, 0, "damaged")
        elif n % 3 == 0:
            result[-1] = Rejected(document, "too_short", f"too_short {n} < 25")
    return result


def reported(tasks: list[list[Outcome]]) -> dict[str, object]:
    reports: list[dict[str, object]] = []
    for task in tasks:
        counts = OutcomeCounts()
        assert [*counts.counted(task)] == task
        reports.append(json.loads(json.dumps(counts.report())))
    return total_counts(reports).recorded()


def test_every_document_is_counted_in_one_row_of_its_source_and_of_its_language() -> None:
    counts = OutcomeCounts()
    assert len([*counts.counted(outcomes(42))]) == 42
    found = total_counts([counts.report()]).recorded()
    unread, short = {n for n in range(42) if n % 7 == 0}, {n for n in range(42) if n % 3 == 0}
    dropped = short - unread
    assert found["by_rule"] == [
        {"rule": "too_short", "documents": len(dropped), "share": round(len(dropped) / 42, 6)}
    ]
    for row in found["by_source"]:
        result = {n for n in range(42) if f"source {n % 3}" == row["source"]}
        assert row["in"] == 14 and row["quarantined"] == len(result & unread)
        assert row["dropped"].get("too_short", 0) == len(result & dropped)
        assert row["out"] == len(result - unread - dropped)
    languages = {row["language"]: row["in"] for row in found["by_language"]}
    odd = {n for n in range(42) if n % 2} - unread
    assert languages == {"en": len(odd), "unknown": 42 - len(odd)}


@given(st.randoms(use_true_random=False))
def test_counts_depend_neither_on_order_nor_on_tasks(chance: random.Random) -> None:
    documents = outcomes(60, sources=5)
    complete = reported([documents])
    chance.shuffle(documents)
    cuts = sorted(chance.randrange(60) for _ in range(3))
    bounds = [0, *cuts, 60]
    assert complete == reported([documents[a:b] for a, b in pairwise(bounds)])


def test_examples_are_few_and_name_the_deciding_value() -> None:
    found = reported([outcomes(300)])["dropped_examples"]
    assert isinstance(found, list) and len(found) == EXAMPLES
    for example in found:
        assert example["decided"] == f"too_short {example['id']} < 25"
        assert example["text"] == f"text {example['id']}"
    without_texts = OutcomeCounts(with_texts=False)
    assert [*without_texts.counted(outcomes(300))]
    assert all(
        "text" not in one
        for one in total_counts([without_texts.report()]).recorded()["dropped_examples"]
    )


@pytest.mark.parametrize("seed", range(5))
def test_of_too_many_names_some_are_counted_exactly_and_the_others_summed(seed: int) -> None:
    chance = random.Random(seed)
    names = [str(chance.randrange(80)) for _ in range(1000)]
    merged = CountsByName(10)
    for start in range(0, 1000, 100):
        by_name = CountsByName(10)
        for name in names[start : start + 100]:
            by_name.add(name, "out")
        merged.add_report(json.loads(json.dumps(by_name.report())))
    truth, rows = Counter(names), dict(map(tuple, merged.report()))
    others = rows.pop(None)
    smallest = sorted(truth, key=lambda name: blake2b(name.encode(), digest_size=8).digest())
    assert {name: row["out"] for name, row in rows.items()} == {
        name: truth[name] for name in smallest[:10]
    }
    assert others["out"] == 1000 - sum(row["out"] for row in rows.values())


def test_many_sources_take_bounded_space_in_manifest_and_table() -> None:
    documents = [Document(str(n), "x", f"page {n}") for n in range(MAX_NAMES + 500)]
    counts = OutcomeCounts()
    for _ in counts.counted([*documents, *documents[:1]]):
        pass
    record = total_counts([counts.report()])
    assert len(record.by_source) == LISTED + 1
    shown = outcome_sections(record)["by_source"]
    assert len(shown) == SHOWN + 1
    assert sum(row["in"] for row in shown) == MAX_NAMES + 501
    assert shown[-1]["source"] == f"and {MAX_NAMES + 1 - SHOWN:,} more"


def test_an_unpaired_surrogate_can_be_written() -> None:
    document = Document("a\ud83d", "b\ud83d", "c\ud83d", {"language": "d\ud83d"})
    counts = OutcomeCounts()
    assert [*counts.counted([Rejected(document, "empty")])]
    assert json.dumps(total_counts([counts.report()]).recorded(), ensure_ascii=False).encode()
