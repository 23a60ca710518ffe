"""Which of several processes this is, when a launcher such as torchrun started them together.

Choice: the launchers' own environment variables, which are known before torch is imported.
"""

import os


def rank() -> int:
    """Return the number of this process, from 0; 0 where there is one."""
    return int(os.environ.get("RANK", "0"))


def ranks() -> int:
    """Return how many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))
