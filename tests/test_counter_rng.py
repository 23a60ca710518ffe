import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmkit.counter_rng import STREAM_SPACING, draw, row_keys, uniform


def reference_splitmix64(state: int, count: int) -> list[int]:
    """The generator as it was published, number after number."""
    numbers = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        numbers.append(z ^ (z >> 31))
    return numbers


def test_splitmix64_gives_its_published_numbers() -> None:
    # The first numbers from the state 0, as in the reference implementation by Vigna.
    assert reference_splitmix64(0, 2) == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_random_bits_depend_on_every_key_and_their_order() -> None:
    draws = {draw(seed, step, rank) for seed in range(5) for step in range(50) for rank in range(5)}
    assert len(draws) == 5 * 50 * 5


@given(key=st.integers(0, 2**64 - 1))
def test_a_sequence_has_the_outputs_of_splitmix64_from_its_key_on(key: int) -> None:
    numbers = uniform(np.array([key], np.uint64), 0, 20)[0]
    assert numbers.tolist() == [
        (number >> 11) * 2.0**-53 for number in reference_splitmix64(key, 20)
    ]


def test_the_numbers_of_a_sequence_depend_on_no_other_sequence() -> None:
    rows = np.array([3, 99, 1_000_000_007])
    together = uniform(row_keys(7, 5, rows), 2, 8)
    for number, row in enumerate(rows):
        alone = uniform(row_keys(7, 5, np.array([row])), 2, 30)
        assert np.array_equal(alone[0, :8], together[number])


def test_seed_step_sequence_and_stream_all_matter() -> None:
    def numbers(seed: int, step: int, row: int, stream: int) -> bytes:
        return uniform(row_keys(seed, step, np.array([row])), stream, 4).tobytes()

    kinds = [(s, t, r, p) for s in range(3) for t in range(3) for r in range(3) for p in range(3)]
    assert len({numbers(*kind) for kind in kinds}) == 81


def test_numbers_are_uniform_and_uncorrelated() -> None:
    numbers = uniform(row_keys(1, 1, np.arange(1_000)), 0, 200)
    counts = np.bincount((numbers * 50).astype(int).ravel(), minlength=50)
    chi_square = ((counts - 4_000) ** 2 / 4_000).sum()
    assert chi_square < 49 + 4 * (2 * 49) ** 0.5
    for one, other in ((numbers[:, 1:], numbers[:, :-1]), (numbers[1:], numbers[:-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.01


def test_streams_are_further_apart_than_a_sequence_is_long() -> None:
    assert STREAM_SPACING > 2**31
