"""The next item in the making while this one is used.

Choices:
- One thread and one item ahead: memory is that of two items, and items come in their order.
- What goes wrong in the thread is raised where the item is asked for.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")


def one_ahead(items: Iterator[ItemT]) -> Iterator[ItemT]:
    """Yield the items, each made in a thread while the one before it is used.

    >>> list(one_ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    end = object()
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    try:
        following = pool.submit(next, items, end)
        while (item := following.result()) is not end:
            following = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
