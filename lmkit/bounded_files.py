"""Files that are read whole: lists and settings, which a person names.

Choice: what is named may be a device or a pipe, as `<(grep ...)` is, and `/dev/zero` has no end. So
a file is read in steps, up to a size that none of these has.
"""

import errno
from pathlib import Path

MAX_BYTES = 1_000_000_000
STEP = 1 << 20


def read_bounded(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Return what is in a file. Raises OSError where it can't be read, or has more than `limit`."""
    steps: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        while step := file.read(STEP):
            steps.append(step)
            size += len(step)
            if size > limit:
                raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", str(path))
    return b"".join(steps)
