"""Prefetching: the next item is computed while the current one is used.

Choices:
- One thread and one item in advance: memory is that of two items, and items keep their order.
- An exception in the thread is raised where the item is requested.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")


def prefetched(items: Iterator[ItemT]) -> Iterator[ItemT]:
    """Yield the items, each computed in a thread while the previous one is used.

    >>> list(prefetched(iter("abc")))
    ['a', 'b', 'c']
    """
    end = object()
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        following = pool.submit(next, items, end)
        while (item := following.result()) is not end:
            following = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
