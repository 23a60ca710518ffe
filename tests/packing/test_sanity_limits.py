import json
import random
from collections import Counter
from math import log2

import numpy as np
import pytest

from lmkit.packing.options import LimitsConfig
from lmkit.packing.sanity_limits import Statistics, StatisticsBySource, entropy, judge, summary

LIMITS = LimitsConfig()


def tally(**counts: int) -> Statistics:
    return Statistics(counts=Counter({"documents": 1, "bytes": 10_000, **counts}))


def test_entropy_is_that_of_shannons_formula() -> None:
    ids = np.array([3, 3, 3, 3, 5, 5, 9, 8])
    by_hand = -(0.5 * log2(0.5) + 0.25 * log2(0.25) + 2 * 0.125 * log2(0.125))
    assert entropy(ids) == pytest.approx(by_hand)


def test_sums_are_the_same_however_the_work_is_cut() -> None:
    generator = random.Random(4)
    names = [f"s{generator.randrange(12)}" for _ in range(300)]

    def counted(numbers: list[int], most: int) -> dict[str, object]:
        tallies = StatisticsBySource(most)
        for number in numbers:
            found = tallies.of(names[number])
            found.counts.update(documents=1, bytes=number)
            found.entropy(number / 30, 100, 1_000, str(number))
        return json.loads(json.dumps(tallies.to_json()))

    for most in (3, 100):
        whole = StatisticsBySource(most)
        whole.add(counted(list(range(300)), most))
        cut = list(range(300))
        generator.shuffle(cut)
        parts = StatisticsBySource(most)
        for start in range(0, 300, 37):
            parts.add(counted(cut[start : start + 37], most))
        assert whole.by_source() == parts.by_source()
        assert sum(t.counts["documents"] for t in whole.by_source().values()) == 300


def test_of_many_sources_those_that_come_first_by_name_are_kept_apart() -> None:
    tallies = StatisticsBySource(max_sources=2)
    for name in ("c", "a", "d", "b", "a"):
        tallies.of(name).counts.update(documents=1, tokens=5, bytes=7)
    assert summary(tallies.by_source()) == {
        "a": {"documents": 2, "tokens": 10, "bytes": 14},
        "b": {"documents": 1, "tokens": 5, "bytes": 7},
        "(other sources)": {"documents": 2, "tokens": 10, "bytes": 14},
    }


def test_what_is_refused_is_named_with_its_source_its_worst_document_and_the_limit() -> None:
    bad = tally(text_tokens=1_000, unknown=999)
    bad.record_worst("unknown", -0.9, "page-8")
    bad.record_worst("unknown", -1.0, "page-7")
    verdict = judge({"good": tally(text_tokens=1_000), "web": bad}, LIMITS)
    (text,) = [text for text in verdict.refused if text.startswith("web")]
    for part in ("99.90% of 1,000 tokens", "page-7 has 100%", "at most 50%", "--limits.unknown"):
        assert part in text
    assert "--limits.unknown-fraction none" in verdict.hint
    assert not judge({"web": bad}, LimitsConfig(unknown_fraction=None)).refused


def test_a_source_that_is_next_to_nothing_is_only_told_of() -> None:
    bad = tally(text_tokens=100, unknown=100, bytes=500)
    verdict = judge({"good": tally(text_tokens=10_000, bytes=100_000), "bad": bad}, LIMITS)
    assert (
        not verdict.refused and len(verdict.warnings) == 1 and verdict.warnings[0].startswith("bad")
    )


@pytest.mark.parametrize(("bits", "tokens", "refused"), [(1.4, 500, 1), (1.5, 500, 0)])
def test_too_few_bits_a_token_are_refused(bits: float, tokens: int, refused: int) -> None:
    found = tally()
    found.entropy(bits, tokens, 2_000, "a")
    assert len(judge({"s": found}, LIMITS).refused) == refused


@pytest.mark.parametrize(("bits", "refused"), [(6.4, 1), (6.3, 0)])
def test_too_many_bits_a_byte_are_refused(bits: float, refused: int) -> None:
    found = tally()
    found.entropy(bits, 2_000, 2_000, "a")
    assert len(judge({"s": found}, LIMITS).refused) == refused


def test_a_few_strange_documents_are_let_through_and_told_of() -> None:
    found = tally()
    found.entropy(0.0, 500, 1_000, "aaaa")
    for number in range(20):
        found.entropy(7.0, 250, 1_000, str(number))
    verdict = judge({"s": found}, LIMITS)
    assert not verdict.refused
    assert len(verdict.warnings) == 1 and "document aaaa has 0.0 bits" in verdict.warnings[0]
    assert judge({"s": found}, LimitsConfig(odd_fraction=0.01)).refused


def test_documents_that_do_not_decode_are_refused_unless_nobody_asks() -> None:
    found = tally(decoded=10, undecoded=2)
    found.record_worst("undecoded", 0, "{a}")
    verdict = judge({"s": found}, LIMITS)
    assert len(verdict.refused) == 1
    assert "20.00% of 10 documents" in verdict.refused[0] and "{a}" in verdict.refused[0]
    assert not judge({"s": found}, LimitsConfig(decode_sample=None)).refused
