from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.input_lists.input_slice import Slice, most_unsplit, split
from lmkit.storage.byte_ranges import Compression

WHOLE = Slice(3, "a.jsonl", "a", "a.jsonl", "jsonl", "none", 0, 67, 67, 5)


@given(st.integers(0, 1_000), st.integers(1, 100), st.sampled_from(["none", "gzip", "xz"]))
def test_the_ranges_of_a_file_hold_every_byte_once_and_are_even(
    size: int, most: int, compression: Compression
) -> None:
    whole = WHOLE._replace(size=size, stop=size, compression=compression)
    parts = list(split(whole, most + 2))
    assert (parts[0].start, parts[-1].stop) == (0, size)
    assert all(a.stop == b.start for a, b in pairwise(parts))
    lengths = [part.stop - part.start for part in parts]
    assert len(set(lengths[:-1])) <= 1 and lengths[-1] <= lengths[0]
    assert (len(parts) == 1) == (size <= most_unsplit("jsonl", compression, most + 2))


@pytest.mark.parametrize(("kind", "compression"), [("text", "none"), ("jsonl", "xz")])
def test_what_can_only_be_read_from_its_beginning_is_not_split(
    kind: str, compression: Compression
) -> None:
    whole = WHOLE._replace(format=kind, compression=compression)
    assert list(split(whole, 10)) == [whole]


def test_a_compressed_byte_weighs_three_times_as_much_and_a_shard_has_a_fixed_weight() -> None:
    assert WHOLE.weight == 67
    assert WHOLE._replace(compression="gzip").weight == 201
    assert WHOLE._replace(format="hub", start=4, stop=5).weight == 64_000_000
