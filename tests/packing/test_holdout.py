import numpy as np
import pytest

from lmkit.packing.holdout import cluster_of, holdout_group, is_held_out
from lmkit.text.digests import document_key, text_key


def test_a_hash_is_the_first_64_bits_of_sha256() -> None:
    # FIPS 180-4, the example of "abc"
    assert text_key("abc") == 0xBA7816BF8F01CFEA


def test_another_seed_gives_other_keys() -> None:
    assert document_key(1, "a") != document_key(2, "a")


def test_seed_and_id_are_hashed_separately() -> None:
    assert document_key(1, "2a") != document_key(12, "a")


def test_ids_that_differ_in_a_lone_surrogate_have_different_keys() -> None:
    assert document_key(0, "\ud800") != document_key(0, "\ud801")


def test_a_fraction_of_0_holds_out_nothing_and_a_fraction_of_1_everything() -> None:
    for key in (0, 1, 2**63, 2**64 - 1):
        assert not is_held_out(key, 0.0)
        assert is_held_out(key, 1.0)
        assert is_held_out(int(np.uint64(key)), 1.0)


def test_a_key_of_numpy_is_compared_exactly_too() -> None:
    assert is_held_out(np.uint64(2**64 - 1), 1.0)  # type: ignore[arg-type]


def test_a_held_out_document_is_held_out_for_every_larger_fraction() -> None:
    keys = [document_key(0, str(number)) for number in range(1_000)]
    small = {key for key in keys if is_held_out(key, 0.1)}
    assert small < {key for key in keys if is_held_out(key, 0.2)}


def test_the_fraction_held_out_is_the_fraction_requested() -> None:
    hits = sum(is_held_out(document_key(7, f"id-{n}"), 0.05) for n in range(20_000))
    # 1,000 expected, standard deviation sqrt(20,000 x 0.05 x 0.95) = 31
    assert 1_000 - 4 * 31 < hits < 1_000 + 4 * 31


def test_documents_of_a_cluster_are_a_holdout_group_and_others_are_not() -> None:
    assert (
        holdout_group(0, "a", 1, "near")
        == holdout_group(0, "b", 2, "near")
        != holdout_group(0, "b", 2, "far")
    )
    assert holdout_group(0, "a", 1) != holdout_group(0, "b", 1) and holdout_group(
        0, "a", 1
    ) != holdout_group(0, "a", 2)
    assert holdout_group(0, "a", 1, 7) == holdout_group(
        0, "b", 2, "7"
    )  # a number and a string are equal


@pytest.mark.parametrize("cluster", [None, "", True, 1.5, ["near"], {"id": "near"}])
def test_an_invalid_name_of_a_cluster_is_ignored(cluster: object) -> None:
    assert holdout_group(0, "a", 5, cluster) == (document_key(0, "a"), 5)


def test_a_cluster_named_after_a_document_is_in_the_split_of_that_document() -> None:
    assert holdout_group(0, "b", 5, "a")[0] == holdout_group(0, "a", 6)[0]


def test_the_parts_of_a_document_are_a_holdout_group() -> None:
    links = [{"part": {"of": "original", "number": number}} for number in range(2)]
    first, second = (
        holdout_group(0, f"original#{n}", n, cluster_of(link)) for n, link in enumerate(links)
    )
    assert first == second == holdout_group(0, "x", 9, "original")
    assert cluster_of({"part": "of a document"}) is cluster_of({}) is None
