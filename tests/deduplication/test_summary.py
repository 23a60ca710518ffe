from lmkit.deduplication.summary import SHOWN_PAIRS, summary_sections


def test_pairs_beyond_the_most_frequent_are_summed_up() -> None:
    pairs = [{"reason": "near", "source": str(n), "of": "x", "documents": 2} for n in range(99)]
    shown = summary_sections({"clusters": {}, "duplicates": pairs})["duplicates"]
    assert shown[:SHOWN_PAIRS] == pairs[:SHOWN_PAIRS]
    assert shown[-1] == {
        "reason": f"and {99 - SHOWN_PAIRS} more",
        "source": "",
        "of": "",
        "documents": 2 * (99 - SHOWN_PAIRS),
    }
