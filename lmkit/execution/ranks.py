"""The rank of this process among those that a launcher such as torchrun started.

Choice: the launcher's environment variables, which are set before torch is imported.
"""

import os


def rank() -> int:
    """Return the rank of this process; 0 if there is only one."""
    return int(os.environ.get("RANK", "0"))


def ranks() -> int:
    """Return the number of processes that were started (the world size)."""
    return int(os.environ.get("WORLD_SIZE", "1"))
