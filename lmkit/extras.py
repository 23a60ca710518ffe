"""Optional packages: which extra they belong to, and how they are installed.

Choices:
- Names and ranges are those of lmkit's own metadata, so there is no second list of them.
- What is advised is `pip install` of the package itself, never of lmkit with an extra: an index may
  have another project of this name, and pip would take that.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires

REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?\s*(?P<range>[^;]*?)\s*"
    r"(?:;\s*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"])?$"
)


def requirements() -> Mapping[str | None, Mapping[str, str]]:
    """Return what lmkit needs, as pip takes it, by extra and name; None for what is no extra."""
    found: dict[str | None, dict[str, str]] = defaultdict(dict)
    for line in _lines():
        match = REQUIREMENT.match(line)
        assert match, line
        found[match["extra"]][match["name"]] = _requirement(match)
    return found


def installation(*names: str) -> str:
    """Return the command that installs packages, in the range that lmkit is tested with.

    >>> installation("unheard-of")
    'pip install unheard-of'
    """
    known = {name: text for group in requirements().values() for name, text in group.items()}
    return shlex.join(["pip", "install", *(known.get(name, name) for name in names)])


def _lines() -> Iterator[str]:
    try:
        yield from requires("lmkit") or ()
    except PackageNotFoundError:  # the sources, without an installation
        return


def _requirement(match: re.Match[str]) -> str:
    """Return a requirement with its lower limit first, as people write it."""
    limits = sorted(match["range"].strip("() ").split(","), key=lambda limit: limit.startswith("<"))
    return f"{match['name']}{match['extras'] or ''}{','.join(limit.strip() for limit in limits)}"
