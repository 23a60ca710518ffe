"""Gather the text that every machine with Python has, as a small corpus.

    python examples/python_text.py work/quickstart/text

It is the standard library's own source, the prose of its reference manual (pydoc_data.topics), and
the readmes and licenses of the installed packages, among which there are true duplicates.
"""

import sys
import sysconfig
from pathlib import Path

LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "site-packages", "__pycache__"}
NOTICES = ("METADATA", "LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS")


def gather(folder: Path) -> None:
    """Copy what is missing; existing files are kept, so that later steps are up to date."""
    if (folder / ".complete").exists():
        return
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        name = path.relative_to(library)
        if not LEFT_OUT & set(name.parts):
            _write(folder / "library" / name, path.read_bytes())
    from pydoc_data.topics import topics

    for name, text in sorted(topics.items()):
        _write(folder / "manual" / f"{name.replace('/', '-')}.txt", text.encode())
    packages = Path(sysconfig.get_path("purelib"))
    for path in sorted(packages.glob("*.dist-info/**/*")):
        if path.is_file() and path.name.upper().startswith(NOTICES):
            name = path.relative_to(packages).as_posix().replace("/", "-")
            _write(folder / "notices" / f"{name}.txt", path.read_bytes())
    (folder / ".complete").touch()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
