"""The versions of lmkit and of what it uses, and the extras that are installed.

Choice: packages and extras are read from lmkit's own metadata, so there is no second list of them.
"""

import platform
from importlib.metadata import PackageNotFoundError, version

from lmkit.diagnosis.finding import Asked, Finding
from lmkit.extras import installation, requirements

FOR_DEVELOPERS = "dev"


def find_versions(_: Asked) -> Finding:
    """Return the versions of lmkit, of Python, and of the packages that lmkit needs."""
    facts = {"lmkit": version("lmkit"), "python": platform.python_version()}
    facts["system"] = platform.platform()
    missing: list[str] = []
    for name in requirements().get(None, ()):
        found = _version(name)
        facts[name] = found or "missing"
        missing += [] if found else [name]
    advice = [f"reinstall lmkit: {', '.join(missing)} is missing"] if missing else []
    return Finding(facts, advice)


def find_extras(_: Asked) -> Finding:
    """Return for each extra whether its packages are installed, and how to install them."""
    rows: list[dict[str, str]] = []
    for extra, names in requirements().items():
        if extra in (None, FOR_DEVELOPERS):
            continue
        installed = {name: _version(name) for name in names}
        missing = [name for name, found in installed.items() if not found]
        state = installation(*missing) if missing else "installed"
        shown = ", ".join(f"{name} {found}" for name, found in installed.items() if found)
        rows.append({"extra": str(extra), "packages": shown or "none", "state": state})
    return Finding(rows)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
