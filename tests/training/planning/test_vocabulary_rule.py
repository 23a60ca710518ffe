import math

import pytest

from lmkit.training.planning.vocabulary_rule import suggested_vocabulary


def test_a_model_of_3_billion_gets_about_what_tao_et_al_found_best() -> None:
    # They raised 32K entries to 43K for 2.87 billion other parameters, of width 3,200.
    assert suggested_vocabulary(2_870_000_000, 3_200) == pytest.approx(43_000, rel=0.15)


def test_it_grows_slower_than_the_rest() -> None:
    small, large = (suggested_vocabulary(10**power, 1024) for power in (8, 10))
    assert math.log10(large / small) / 2 == pytest.approx(0.83, abs=0.001)
