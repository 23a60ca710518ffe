from lmkit.deduplication.summary import SHOWN_PAIRS, DedupRecord, summary_sections


def test_pairs_beyond_the_most_frequent_are_summed_up() -> None:
    pairs = [{"reason": "near", "source": str(n), "of": "x", "documents": 2} for n in range(99)]
    record = DedupRecord.model_validate({"clusters": {}, "duplicates": pairs})
    shown = summary_sections(record)["duplicates"]
    assert shown[:SHOWN_PAIRS] == pairs[:SHOWN_PAIRS]
    assert shown[-1] == {
        "reason": f"and {99 - SHOWN_PAIRS} more",
        "source": "",
        "of": "",
        "documents": 2 * (99 - SHOWN_PAIRS),
    }
