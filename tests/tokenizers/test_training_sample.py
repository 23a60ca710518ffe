from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lmkit.tokenizers.training_sample import (
    ALL,
    Sizes,
    class_of,
    even_allocation,
    keyed_pieces,
    limits,
    pieces,
    smallest_key,
    total,
)

KEYS = st.integers(0, 2**64 - 1)


@given(st.text(st.sampled_from("ab \n"), max_size=200), st.integers(1, 20))
def test_pieces_are_short_and_together_the_text(text: str, max_bytes: int) -> None:
    found = list(pieces(text, max_bytes))
    assert "".join(found) == text
    assert all(0 < len(piece) <= max_bytes for piece in found)


def test_a_piece_ends_at_the_end_of_a_line_where_it_can() -> None:
    assert list(pieces("a b\nc d e f", 6)) == ["a b\n", "c d e ", "f"]


@given(KEYS, KEYS)
def test_classes_are_in_the_order_of_keys(one: int, other: int) -> None:
    assert (class_of(one) <= class_of(other)) >= (one <= other)
    assert smallest_key(class_of(one)) <= one


@given(KEYS)
def test_a_class_is_half_a_percent_wide(key: int) -> None:
    first = smallest_key(class_of(key))
    assert key - first <= first / 256


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 100), min_size=1), st.integers(0, 300))
def test_allocations_are_even_or_all_that_a_source_has(
    sizes: dict[str, int], max_bytes: int
) -> None:
    allocation = even_allocation(sizes, max_bytes)
    assert (
        sum(allocation.values()) == min(max_bytes, sum(sizes.values()))
        or sum(allocation.values()) <= max_bytes
    )
    cut = [allocation[source] for source in sizes if allocation[source] < sizes[source]]
    # A source that is not used completely has the largest allocation, up to rounding.
    assert not cut or min(cut) >= max(allocation.values()) - 1
    assert max_bytes - sum(allocation.values()) < len(sizes) or not cut


@given(
    st.dictionaries(
        st.sampled_from(["web", "books", "wiki"]),
        st.lists(st.tuples(KEYS, st.integers(1, 50)), max_size=30),
        min_size=1,
    ),
    st.integers(0, 2_000),
)
def test_the_sample_never_exceeds_its_size_and_is_nearly_even(
    corpus: dict[str, list[tuple[int, int]]], max_bytes: int
) -> None:
    sizes: Sizes = {source: Counter() for source in corpus}
    for source, source_sizes in corpus.items():
        for key, size in source_sizes:
            sizes[source][class_of(key)] += size
    found = limits(sizes, max_bytes)
    sampled = {
        source: sum(size for key, size in source_sizes if key < found[source])
        for source, source_sizes in corpus.items()
    }
    assert sum(sampled.values()) <= max_bytes or all(limit == ALL for limit in found.values())
    allocation = even_allocation(
        {source: source_sizes.total() for source, source_sizes in sizes.items()}, max_bytes
    )
    for source, source_sizes in sizes.items():
        assert sampled[source] <= allocation[source]
        # The next class would not have fitted.
        assert sampled[source] + max(source_sizes.values(), default=0) > allocation[source] or (
            sampled[source] == source_sizes.total()
        )


@given(st.lists(st.tuples(KEYS, st.integers(1, 50)), max_size=30), st.integers(0, 500))
def test_a_smaller_sample_is_a_subset_of_a_larger_one(
    source_sizes: list[tuple[int, int]], max_bytes: int
) -> None:
    sizes: Sizes = {"web": Counter()}
    for key, size in source_sizes:
        sizes["web"][class_of(key)] += size
    assert limits(sizes, max_bytes)["web"] <= limits(sizes, max_bytes + 100)["web"]


def test_sizes_add_up_for_any_division_into_tasks() -> None:
    parts = [{"web": {"5": 10}}, {"web": {"5": 1, "7": 2}, "books": {"5": 3}}]
    assert total(parts) == {"web": Counter({5: 11, 7: 2}), "books": Counter({5: 3})}


def test_a_key_depends_on_the_document_and_the_index_of_the_piece() -> None:
    text = "word " * 10_000
    keys = [key for key, _ in keyed_pieces(0, "a", text)]
    assert len(set(keys)) == len(keys) == 4
    assert keys == [key for key, _ in keyed_pieces(0, "a", text)]
    assert set(keys).isdisjoint(key for key, _ in keyed_pieces(1, "a", text))
