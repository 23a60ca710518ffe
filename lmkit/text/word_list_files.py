"""Files with one entry per line: words, phrases, domains.

Choice: an invalid file is reported before work starts, and one that has changed since is a changed
input.
"""

from pathlib import Path

from lmkit.bounded_files import read_bounded
from lmkit.errors import InputError


def read_entries(path: Path, option: str = "list") -> list[str]:
    """Return the lines that are neither blank nor comments (#).

    Raises InputError, which names the `option`, if there are none.
    """
    try:
        lines = read_bounded(path).decode("utf-8").splitlines()
    except OSError as error:
        problem = f"{option}: {path}: cannot be read: {error.strerror}"
        raise InputError(problem, "name a file with one entry per line") from None
    except UnicodeDecodeError as error:
        problem = f"{option}: {path}: not UTF-8: {error.reason}, at byte {error.start}"
        raise InputError(problem) from None
    entries = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not entries:
        raise InputError(f"{option}: {path}: has no entries; must have one per line")
    return entries
