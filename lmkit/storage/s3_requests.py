"""How requests to S3 are repeated and counted: by botocore, which sends each of them.

Choices:
- A file may be uploaded in many parts. botocore repeats a single request, where repeating the
  upload would send all parts again. Its mode `standard` pauses with jitter, and knows every answer
  that S3 gives when it is busy.
- s3fs would repeat each of them again; it is asked not to.
- What a person has set for S3 in fsspec's own configuration is kept.
"""

import re
from typing import Any

from lmkit.storage.request_retries import COUNTS

PROTOCOLS = frozenset({"s3", "s3a"})
FIRST_ATTEMPT = 1


def s3_options(retries: int) -> dict[str, Any]:
    """Return the options of s3fs for requests that are repeated at most `retries` times."""
    from fsspec.config import conf  # needed only for stores

    configured: dict[str, Any] = conf.get("s3", {}).get("config_kwargs", {})
    attempts = {"mode": "standard", "total_max_attempts": retries + 1}
    return {"config_kwargs": {"retries": attempts, **configured}, "use_listings_cache": False}


def count_requests(file_system: Any) -> None:
    """Let every request of an s3fs file system be counted."""
    file_system.retries = 1
    file_system.connect()
    events = file_system.s3.meta.events
    events.register("before-send.s3", _count, unique_id="lmkit-request-counts")


def _count(request: Any, **_: Any) -> None:
    COUNTS.sent += 1
    COUNTS.repeated += attempt_of(request.headers.get("amz-sdk-request")) > FIRST_ATTEMPT


def attempt_of(header: str | bytes | None) -> int:
    """Return which attempt a request is, by the header that botocore gives it.

    >>> attempt_of(b"ttl=20260101T000000Z; attempt=3; max=6"), attempt_of(None)
    (3, 1)
    """
    text = header.decode() if isinstance(header, bytes) else header or ""
    found = re.search(r"\battempt=(\d+)", text)
    return int(found[1]) if found else FIRST_ATTEMPT
