import pytest

from lmkit.errors import InputError
from lmkit.training.distributed.rank_zero import joined, on_first


def test_alone_a_process_does_it_itself() -> None:
    with joined("cpu"):
        assert on_first(lambda: 3) == 3
        with pytest.raises(InputError):
            on_first(_fail)


def _fail() -> None:
    raise InputError("no")
