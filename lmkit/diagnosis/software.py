"""The versions of lmkit and of what it uses, and the extras that are installed.

Choice: packages and extras are read from lmkit's own metadata, so there is no second list of them.
"""

import platform
import re
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, requires, version

from lmkit.diagnosis.finding import Asked, Finding

REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*(?:;\s*extra\s*==\s*['\"]([^'\"]+)['\"])?")
FOR_DEVELOPERS = "dev"


def find_versions(_: Asked) -> Finding:
    """Return the versions of lmkit, of Python, and of the packages that lmkit needs."""
    facts = {"lmkit": version("lmkit"), "python": platform.python_version()}
    facts["system"] = platform.platform()
    missing: list[str] = []
    for name in _packages()[None]:
        found = _version(name)
        facts[name] = found or "missing"
        missing += [] if found else [name]
    advice = [f"reinstall lmkit: {', '.join(missing)} is missing"] if missing else []
    return Finding(facts, advice)


def find_extras(_: Asked) -> Finding:
    """Return for each extra whether its packages are installed, and how to install them."""
    rows: list[dict[str, str]] = []
    for extra, names in _packages().items():
        if extra in (None, FOR_DEVELOPERS):
            continue
        installed = {name: _version(name) for name in names}
        state = "installed" if all(installed.values()) else f'pip install "lmkit[{extra}]"'
        shown = ", ".join(f"{name} {found}" for name, found in installed.items() if found)
        rows.append({"extra": str(extra), "packages": shown or "none", "state": state})
    return Finding(rows)


def _packages() -> dict[str | None, list[str]]:
    """Return the names of the packages that lmkit needs, by extra; None for what is no extra."""
    found: dict[str | None, list[str]] = defaultdict(list)
    for line in requires("lmkit") or ():
        match = REQUIREMENT.match(line)
        assert match, line
        found[match[2]].append(match[1])
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
