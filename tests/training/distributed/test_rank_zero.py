import pytest

from lmkit.errors import InputError
from lmkit.training.distributed.rank_zero import on_rank_zero, process_group


def test_a_single_process_calls_the_function() -> None:
    with process_group("cpu"):
        assert on_rank_zero(lambda: 3) == 3
        with pytest.raises(InputError):
            on_rank_zero(_fail)


def _fail() -> None:
    raise InputError("no")
