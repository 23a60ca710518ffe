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
def test_pieces_are_short_and_together_the_text(text: str, most: int) -> None:
    found = list(pieces(text, most))
    assert "".join(found) == text
    assert all(0 < len(piece) <= most for piece in found)


def test_a_piece_ends_at_the_end_of_a_line_where_it_can() -> None:
    assert list(pieces("a b\nc d e f", 6)) == ["a b\n", "c d e ", "f"]


@given(KEYS, KEYS)
def test_classes_ascend_with_keys(one: int, other: int) -> None:
    assert (class_of(one) <= class_of(other)) >= (one <= other)
    assert smallest_key(class_of(one)) <= one


@given(KEYS)
def test_a_class_is_half_a_percent_wide(key: int) -> None:
    first = smallest_key(class_of(key))
    assert key - first <= first / 256


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 100), min_size=1), st.integers(0, 300))
def test_shares_are_even_or_all_there_is(sizes: dict[str, int], most: int) -> None:
    shares = even_allocation(sizes, most)
    assert sum(shares.values()) == min(most, sum(sizes.values())) or sum(shares.values()) <= most
    cut = [shares[source] for source in sizes if shares[source] < sizes[source]]
    # Whoever gives less than it has gives no less than anyone, but for what can't be divided.
    assert not cut or min(cut) >= max(shares.values()) - 1
    assert most - sum(shares.values()) < len(sizes) or not cut


@given(
    st.dictionaries(
        st.sampled_from(["web", "books", "wiki"]),
        st.lists(st.tuples(KEYS, st.integers(1, 50)), max_size=30),
        min_size=1,
    ),
    st.integers(0, 2_000),
)
def test_what_is_drawn_is_never_more_than_was_stated_and_nearly_even(
    corpus: dict[str, list[tuple[int, int]]], most: int
) -> None:
    sizes: Sizes = {source: Counter() for source in corpus}
    for source, own in corpus.items():
        for key, size in own:
            sizes[source][class_of(key)] += size
    found = limits(sizes, most)
    drawn = {
        source: sum(size for key, size in own if key < found[source])
        for source, own in corpus.items()
    }
    assert sum(drawn.values()) <= most or all(limit == ALL for limit in found.values())
    share = even_allocation({source: own.total() for source, own in sizes.items()}, most)
    for source, own in sizes.items():
        assert drawn[source] <= share[source]
        # The next class would not have fitted.
        assert drawn[source] + max(own.values(), default=0) > share[source] or (
            drawn[source] == own.total()
        )


@given(st.lists(st.tuples(KEYS, st.integers(1, 50)), max_size=30), st.integers(0, 500))
def test_a_smaller_sample_is_part_of_a_larger_one(own: list[tuple[int, int]], most: int) -> None:
    sizes: Sizes = {"web": Counter()}
    for key, size in own:
        sizes["web"][class_of(key)] += size
    assert limits(sizes, most)["web"] <= limits(sizes, most + 100)["web"]


def test_sizes_add_up_however_tasks_were_cut() -> None:
    parts = [{"web": {"5": 10}}, {"web": {"5": 1, "7": 2}, "books": {"5": 3}}]
    assert total(parts) == {"web": Counter({5: 11, 7: 2}), "books": Counter({5: 3})}


def test_a_key_depends_on_the_document_and_the_number_of_the_piece() -> None:
    text = "word " * 10_000
    keys = [key for key, _ in keyed_pieces(0, "a", text)]
    assert len(set(keys)) == len(keys) == 4
    assert keys == [key for key, _ in keyed_pieces(0, "a", text)]
    assert set(keys).isdisjoint(key for key, _ in keyed_pieces(1, "a", text))
