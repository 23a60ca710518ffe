import threading
from collections.abc import Iterator

import pytest

from lmkit.errors import InputError
from lmkit.execution.prefetch import prefetched


def test_the_next_item_is_computed_while_the_current_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    found = prefetched(items())
    assert next(found) == 0
    assert made[1].wait(timeout=30)
    assert list(found) == [1, 2]


def test_an_exception_is_raised_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise InputError("gone")

    found = prefetched(items())
    assert next(found) == 1
    with pytest.raises(InputError, match="gone"):
        next(found)


def test_stopping_early_leaves_no_thread_running() -> None:
    before = threading.active_count()
    found = prefetched(iter(range(100)))
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
