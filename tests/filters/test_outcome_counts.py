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
    MOST_NAMES,
    SHOWN,
    Ledger,
    Tally,
    account,
    total_counts,
)


def outcomes(count: int, sources: int = 3) -> list[Outcome]:
    """Every third document is short, every seventh can't be read."""
    made: list[Outcome] = []
    for n in range(count):
        source = f"source {n % sources}"
        document = Document(str(n), f"text {n}", source, {"language": "en"} if n % 2 else {})
        made.append(document)
        if n % 7 == 0:
            made[-1] = Unreadable(source, "x", n, 0, "damaged")
        elif n % 3 == 0:
            made[-1] = Rejected(document, "too_short", f"too_short {n} < 25")
    return made


def reported(tasks: list[list[Outcome]]) -> dict[str, object]:
    reports: list[dict[str, object]] = []
    for task in tasks:
        ledger = Ledger()
        assert [*ledger.watched(task)] == task
        reports.append(json.loads(json.dumps(ledger.report())))
    return total_counts(reports)


def test_every_document_stands_in_one_row_of_its_source_and_of_its_language() -> None:
    ledger = Ledger()
    assert len([*ledger.watched(outcomes(42))]) == 42
    found = total_counts([ledger.report()])
    unread, short = {n for n in range(42) if n % 7 == 0}, {n for n in range(42) if n % 3 == 0}
    dropped = short - unread
    assert found["by_rule"] == [
        {"rule": "too_short", "documents": len(dropped), "share": round(len(dropped) / 42, 6)}
    ]
    for row in found["by_source"]:
        mine = {n for n in range(42) if f"source {n % 3}" == row["source"]}
        assert row["in"] == 14 and row["quarantined"] == len(mine & unread)
        assert row["dropped"].get("too_short", 0) == len(mine & dropped)
        assert row["out"] == len(mine - unread - dropped)
    languages = {row["language"]: row["in"] for row in found["by_language"]}
    odd = {n for n in range(42) if n % 2} - unread
    assert languages == {"en": len(odd), "unknown": 42 - len(odd)}


@given(st.randoms(use_true_random=False))
def test_neither_order_nor_tasks_change_it(chance: random.Random) -> None:
    documents = outcomes(60, sources=5)
    whole = reported([documents])
    chance.shuffle(documents)
    cuts = sorted(chance.randrange(60) for _ in range(3))
    bounds = [0, *cuts, 60]
    assert whole == reported([documents[a:b] for a, b in pairwise(bounds)])


def test_examples_are_few_and_say_what_decided() -> None:
    found = reported([outcomes(300)])["dropped_examples"]
    assert isinstance(found, list) and len(found) == EXAMPLES
    for example in found:
        assert example["decided"] == f"too_short {example['id']} < 25"
        assert example["text"] == f"text {example['id']}"
    silent = Ledger(with_texts=False)
    assert [*silent.watched(outcomes(300))]
    assert all("text" not in one for one in total_counts([silent.report()])["dropped_examples"])


@pytest.mark.parametrize("seed", range(5))
def test_of_too_many_names_some_are_counted_exactly_and_the_others_added_up(seed: int) -> None:
    chance = random.Random(seed)
    names = [str(chance.randrange(80)) for _ in range(1000)]
    merged = Tally(10)
    for start in range(0, 1000, 100):
        tally = Tally(10)
        for name in names[start : start + 100]:
            tally.add(name, "out")
        merged.read(json.loads(json.dumps(tally.report())))
    truth, rows = Counter(names), dict(map(tuple, merged.report()))
    others = rows.pop(None)
    smallest = sorted(truth, key=lambda name: blake2b(name.encode(), digest_size=8).digest())
    assert {name: row["out"] for name, row in rows.items()} == {
        name: truth[name] for name in smallest[:10]
    }
    assert others["out"] == 1000 - sum(row["out"] for row in rows.values())


def test_many_sources_take_a_bounded_place_in_manifest_and_table() -> None:
    documents = [Document(str(n), "x", f"page {n}") for n in range(MOST_NAMES + 500)]
    ledger = Ledger()
    for _ in ledger.watched([*documents, *documents[:1]]):
        pass
    found = total_counts([ledger.report()])
    assert len(found["by_source"]) == LISTED + 1
    shown = account(found)["by_source"]
    assert len(shown) == SHOWN + 1
    assert sum(row["in"] for row in shown) == MOST_NAMES + 501
    assert shown[-1]["source"] == f"and {MOST_NAMES + 1 - SHOWN:,} more"


def test_half_a_surrogate_pair_can_be_written_down() -> None:
    document = Document("a\ud83d", "b\ud83d", "c\ud83d", {"language": "d\ud83d"})
    ledger = Ledger()
    assert [*ledger.watched([Rejected(document, "empty")])]
    assert json.dumps(total_counts([ledger.report()]), ensure_ascii=False).encode()
