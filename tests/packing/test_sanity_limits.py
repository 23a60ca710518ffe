import json
import random
from collections import Counter
from math import log2

import numpy as np
import pytest

from lmkit.packing.options import LimitsConfig
from lmkit.packing.sanity_limits import Statistics, StatisticsBySource, entropy, judge, summary

LIMITS = LimitsConfig()


def statistics(**counts: int) -> Statistics:
    return Statistics(counts=Counter({"documents": 1, "bytes": 10_000, **counts}))


def test_entropy_is_that_of_shannons_formula() -> None:
    ids = np.array([3, 3, 3, 3, 5, 5, 9, 8])
    by_hand = -(0.5 * log2(0.5) + 0.25 * log2(0.25) + 2 * 0.125 * log2(0.125))
    assert entropy(ids) == pytest.approx(by_hand)


def test_sums_are_the_same_for_any_division_of_the_work() -> None:
    generator = random.Random(4)
    names = [f"s{generator.randrange(12)}" for _ in range(300)]

    def counted(numbers: list[int], max_sources: int) -> dict[str, object]:
        by_source = StatisticsBySource(max_sources)
        for number in numbers:
            found = by_source.of(names[number])
            found.counts.update(documents=1, bytes=number)
            found.entropy(number / 30, 100, 1_000, str(number))
        return json.loads(json.dumps(by_source.to_json()))

    for max_sources in (3, 100):
        whole = StatisticsBySource(max_sources)
        whole.add(counted(list(range(300)), max_sources))
        cut = list(range(300))
        generator.shuffle(cut)
        parts = StatisticsBySource(max_sources)
        for start in range(0, 300, 37):
            parts.add(counted(cut[start : start + 37], max_sources))
        assert whole.by_source() == parts.by_source()
        assert sum(t.counts["documents"] for t in whole.by_source().values()) == 300


def test_of_many_sources_the_first_by_name_are_kept_separate() -> None:
    by_source = StatisticsBySource(max_sources=2)
    for name in ("c", "a", "d", "b", "a"):
        by_source.of(name).counts.update(documents=1, tokens=5, bytes=7)
    assert summary(by_source.by_source()) == {
        "a": {"documents": 2, "tokens": 10, "bytes": 14},
        "b": {"documents": 1, "tokens": 5, "bytes": 7},
        "(other sources)": {"documents": 2, "tokens": 10, "bytes": 14},
    }


def test_a_refusal_names_the_source_its_worst_document_and_the_limit() -> None:
    bad = statistics(text_tokens=1_000, unknown=999)
    bad.record_worst("unknown", -0.9, "page-8")
    bad.record_worst("unknown", -1.0, "page-7")
    verdict = judge({"good": statistics(text_tokens=1_000), "web": bad}, LIMITS)
    (text,) = [text for text in verdict.refused if text.startswith("web")]
    for part in ("99.90% of 1,000 tokens", "page-7 has 100%", "at most 50%", "--limits.unknown"):
        assert part in text
    assert "--limits.unknown-fraction none" in verdict.hint
    assert not judge({"web": bad}, LimitsConfig(unknown_fraction=None)).refused


def test_a_tiny_source_only_causes_a_warning() -> None:
    bad = statistics(text_tokens=100, unknown=100, bytes=500)
    verdict = judge({"good": statistics(text_tokens=10_000, bytes=100_000), "bad": bad}, LIMITS)
    assert (
        not verdict.refused and len(verdict.warnings) == 1 and verdict.warnings[0].startswith("bad")
    )


@pytest.mark.parametrize(("bits", "tokens", "refused"), [(1.4, 500, 1), (1.5, 500, 0)])
def test_too_few_bits_per_token_are_refused(bits: float, tokens: int, refused: int) -> None:
    found = statistics()
    found.entropy(bits, tokens, 2_000, "a")
    assert len(judge({"s": found}, LIMITS).refused) == refused


@pytest.mark.parametrize(("bits", "refused"), [(6.4, 1), (6.3, 0)])
def test_too_many_bits_per_byte_are_refused(bits: float, refused: int) -> None:
    found = statistics()
    found.entropy(bits, 2_000, 2_000, "a")
    assert len(judge({"s": found}, LIMITS).refused) == refused


def test_a_few_strange_documents_only_cause_a_warning() -> None:
    found = statistics()
    found.entropy(0.0, 500, 1_000, "aaaa")
    for number in range(20):
        found.entropy(7.0, 250, 1_000, str(number))
    verdict = judge({"s": found}, LIMITS)
    assert not verdict.refused
    assert len(verdict.warnings) == 1 and "document aaaa has 0.0 bits" in verdict.warnings[0]
    assert judge({"s": found}, LimitsConfig(odd_fraction=0.01)).refused


def test_documents_that_do_not_decode_are_refused_unless_the_check_is_disabled() -> None:
    found = statistics(decoded=10, undecoded=2)
    found.record_worst("undecoded", 0, "{a}")
    verdict = judge({"s": found}, LIMITS)
    assert len(verdict.refused) == 1
    assert "20.00% of 10 documents" in verdict.refused[0] and "{a}" in verdict.refused[0]
    assert not judge({"s": found}, LimitsConfig(decode_sample=None)).refused
