"""Requests to a store: repeated where the store is busy, and counted.

Choices:
- Only what may succeed a moment later is repeated: an answer of 429, 500, 502, 503 or 504, a
  timeout, a connection that was cut. Anything else, a wrong key for one, fails at once.
- The pause before the n-th repetition is drawn evenly from 0 to 0.5 · 2^n seconds, 20 at most, so
  that many workers that were refused together don't come back together ("full jitter": M. Brooker,
  Exponential Backoff and Jitter, AWS Architecture Blog, 2015).
- Counts are those of a process; a task reports what it added to them.
"""

import errno
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

ResultT = TypeVar("ResultT")
STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP: timeouts, too many requests, and servers that are overloaded."""
NUMBERS = frozenset(
    {
        *(errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.EPIPE),
        *(errno.ECONNRESET, errno.ECONNABORTED, errno.ECONNREFUSED),
    }
)
"""Errors of the system; s3fs has EBUSY for SlowDown and ServiceUnavailable."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0


@dataclass
class RequestCounts:
    """How many requests were sent, and how many of them because another had failed."""

    sent: int = 0
    repeated: int = 0

    def since(self, earlier: "RequestCounts") -> "RequestCounts":
        """Return what was added to earlier counts."""
        return RequestCounts(self.sent - earlier.sent, self.repeated - earlier.repeated)

    def copy(self) -> "RequestCounts":
        """Return the counts as they are now."""
        return RequestCounts(self.sent, self.repeated)


COUNTS = RequestCounts()
"""The counts of this process."""


def with_retries(
    request: Callable[[], ResultT], retries: int, *, counts: RequestCounts | None = COUNTS
) -> ResultT:
    """Return the result of a request, which is repeated at most `retries` times.

    Raises its last error. With `counts` None, what sends the request counts it.
    """
    for attempt in range(retries + 1):
        if counts is not None:
            counts.sent += 1
            counts.repeated += attempt > 0
        try:
            return request()
        except Exception as error:
            if attempt == retries or not is_transient(error):
                raise
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))
    raise AssertionError("the last attempt returns or raises")


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed a moment later.

    >>> is_transient(TimeoutError()), is_transient(PermissionError("no such key"))
    (True, False)
    """
    return any(_is_transient(each) for each in _causes(error))


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    numbers = (getattr(error, name, None) for name in ("status", "code", "status_code"))
    if any(isinstance(number, int) and number in STATUSES for number in numbers):
        return True
    return isinstance(error, OSError) and error.errno in NUMBERS


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it was raised from."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__
