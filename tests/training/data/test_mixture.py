from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.config_values import load
from lmkit.errors import ConfigError
from lmkit.training.data.mixture import row_fractions, rows_so_far
from lmkit.training.options import MixtureConfig

WEIGHTS = st.lists(st.floats(0.001, 1), min_size=1, max_size=9)


@given(weights=WEIGHTS, batch=st.integers(1, 40))
def test_every_batch_is_full_and_counts_never_decrease(weights: list[float], batch: int) -> None:
    fractions = row_fractions(weights, [5] * len(weights), [50] * len(weights))
    so_far = [rows_so_far(step * batch, fractions) for step in range(30)]
    for step, (before, after) in enumerate(pairwise(so_far)):
        assert sum(after) == (step + 1) * batch
        assert all(b <= a for b, a in zip(before, after, strict=True))


@given(weights=WEIGHTS, total=st.integers(0, 10**12))
def test_no_folder_is_ever_far_from_its_fraction(weights: list[float], total: int) -> None:
    fractions = row_fractions(weights, [5] * len(weights), [50] * len(weights))
    halvings = (len(weights) - 1).bit_length()
    for count, fraction in zip(rows_so_far(total, fractions), fractions, strict=True):
        assert abs(count - total * fraction) <= Fraction(halvings, 2)


def test_weights_are_fractions_of_tokens() -> None:
    rows, tokens = [400, 90, 7], [20_000, 9_000, 63]
    fractions = row_fractions([0.6, 0.3, 0.1], rows, tokens)
    drawn = rows_so_far(10**9, fractions)
    read = [count * t / r for count, r, t in zip(drawn, rows, tokens, strict=True)]
    assert [part / sum(read) for part in read] == pytest.approx([0.6, 0.3, 0.1], abs=1e-7)


def test_weights_need_not_add_up_to_one() -> None:
    assert row_fractions([7, 3], [1, 1], [9, 9]) == row_fractions([0.7, 0.3], [1, 1], [9, 9])
    assert row_fractions([0.7, 0.3], [1, 1], [9, 9]) == [Fraction(7, 10), Fraction(3, 10)]


def test_there_is_a_weight_for_each_folder() -> None:
    with pytest.raises(ConfigError, match=r"--mixture.weights: got 0.7,0.3, must be 3"):
        row_fractions([0.7, 0.3], [1, 1, 1], [1, 1, 1])


def test_weights_are_typed_with_commas_or_as_a_list() -> None:
    as_typed = MixtureConfig.model_validate({"weights": "0.7, 0.3"})
    assert as_typed == MixtureConfig.model_validate({"weights": [0.7, 0.3]})
    assert as_typed.weights == (0.7, 0.3)
    assert MixtureConfig.model_validate({"weights": "none"}).weights is None


@pytest.mark.parametrize("as_typed", ["0.7,0", "-1,2", "nan,1", "a,b", "inf,1"])
def test_invalid_weights_are_refused(as_typed: str) -> None:
    with pytest.raises(ValidationError):
        MixtureConfig.model_validate({"weights": as_typed})
    with pytest.raises(ConfigError, match=r"--mixture.weights: got .*, must be"):
        load(PretrainConfig, None, {"output": "out", "mixture.weights": as_typed})
