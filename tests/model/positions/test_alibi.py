import pytest

from lmkit.model.positions.alibi import slopes


def test_slopes_are_those_of_the_paper() -> None:
    # Section 3 of Press et al.: for 8 heads 1/2, 1/4, ... 1/256.
    assert slopes(8) == [2.0**-n for n in range(1, 9)]
    # For 12 heads, its code adds every second slope of 16 heads: 2^(-1/2), 2^(-3/2), ...
    assert slopes(12)[8:] == pytest.approx([2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5])
