"""Finds, hashes and imports the module of a plugin.

Choices:
- A plugin is code, so a person names it: on the command line, or in Python. It is never taken from
  a config file, a manifest or any other data: those only say which one must be named again.
- It is a file, a folder with `__init__.py`, or the name of an installed one (entry-point group
  `lmkit.plugins`), which is imported only when it is named.
- Its hash is that of every file of its package. Workers import it by that hash: a plugin that was
  edited while a run is in progress stops the run, and one that was edited between two runs is a
  change like that of an option.
- A module without source (compiled only, or in a zip) is refused: its hash would say nothing.
- A module is named after its hash, so that one process can load two states of a file.
"""

import importlib
import os
import sys
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from lmkit.artifacts.manifest import fingerprint
from lmkit.errors import ConfigError, InputError
from lmkit.plugins.plugin import Plugin
from lmkit.suggestions import did_you_mean

GROUP = "lmkit.plugins"
ATTRIBUTE = "plugin"
CACHE = "__pycache__"


@dataclass(frozen=True)
class LoadedPlugin:
    """A plugin, and what it was when it was loaded."""

    name: str
    """What manifests and errors call it: the name of the file, folder or entry point."""
    location: str
    """Its path, or the name of its entry point."""
    sha256: str
    plugin: Plugin


def load_plugin(location: str | Path, expected: str | None = None) -> LoadedPlugin:
    """Load a plugin by its path or its name. Loading the same one again costs only its hash.

    Raises ConfigError if it isn't a plugin, InputError if its hash isn't the expected one.
    """
    path = Path(location)
    if path.suffix == ".py" or path.is_dir() or len(path.parts) > 1:
        path = path.absolute()
        name, where, files = path.stem if path.is_file() else path.name, str(path), _files_at(path)
    else:
        name = where = str(location)
        files = _files_of_package(_entry_point(name))
    digest = fingerprint(files)
    if expected not in {None, digest}:
        raise InputError(
            f"plugin {name}: {location} has changed while the run was in progress",
            "run the same command again when nothing edits it",
        )
    plugin = _imported(name, where, digest)
    return LoadedPlugin(name, where, digest, plugin)


def _files_at(path: Path) -> list[tuple[str, str]]:
    """Return the files of a plugin that was named by its path, each with its SHA-256."""
    if path.is_dir():
        if not (path / "__init__.py").is_file():
            raise ConfigError(
                f"--plugin: {path} has no __init__.py; must be a Python file or package"
            )
        return _hashes(path)
    if path.suffix != ".py":
        raise ConfigError(f"--plugin: {path}: must be a Python source file, or a package's folder")
    try:
        return [(path.name, sha256(path.read_bytes()).hexdigest())]
    except OSError as error:
        raise ConfigError(f"--plugin: {path}: cannot be read: {error.strerror}") from None


def _hashes(folder: Path) -> list[tuple[str, str]]:
    """Return the files of a package, each with its SHA-256; compiled caches don't count."""
    found: list[tuple[str, str]] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != CACHE)
        for name in sorted(files):
            path = Path(parent, name)
            if path.suffix == ".pyc":
                raise ConfigError(f"--plugin: {path}: has no source", "install its source")
            relative = path.relative_to(folder).as_posix()
            found.append((relative, sha256(path.read_bytes()).hexdigest()))
    return found


def _entry_point(name: str) -> EntryPoint:
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        installed = f"; installed are: {', '.join(sorted(known))}" if known else ""
        raise ConfigError(
            f"--plugin: {name}: no such file, and no installed plugin{did_you_mean(name, known)}"
            f"{installed}",
            f"name a Python file, or a package with an entry point in the group {GROUP}",
        )
    return known[name]


def _files_of_package(point: EntryPoint) -> list[tuple[str, str]]:
    """Return the files of the package of an entry point, without importing it."""
    top = point.module.partition(".")[0]
    spec = find_spec(top)
    if spec is None or not _has_source(spec):
        raise ConfigError(f"--plugin: {point.name}: {top} has no source", "install its source")
    origin = Path(spec.origin or "")
    if origin.name == "__init__.py":
        return _hashes(origin.parent)
    return [(origin.name, sha256(origin.read_bytes()).hexdigest())]


def _has_source(spec: ModuleSpec) -> bool:
    return isinstance(spec.loader, SourceFileLoader) and Path(spec.origin or "").is_file()


@cache
def _imported(name: str, location: str, digest: str) -> Plugin:
    """Import the module, once per process and hash, and return its plugin."""
    try:
        module = _module(name, location, digest)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"--plugin: {location}: cannot be imported: {type(error).__name__}: {error}",
            "--debug shows where",
        ) from error
    plugin = getattr(module, ATTRIBUTE, None)
    if not isinstance(plugin, Plugin):
        raise ConfigError(
            f"--plugin: {location}: registers nothing",
            f"it must have `{ATTRIBUTE} = lmkit.plugins.Plugin()` at its top",
        )
    return plugin


def _module(name: str, location: str, digest: str) -> ModuleType:
    path = Path(location)
    if not path.is_absolute():
        return importlib.import_module(_entry_point(name).module)
    full_name = f"lmkit_plugin_{name}_{digest[:16]}"
    file = path / "__init__.py" if path.is_dir() else path
    spec = spec_from_file_location(
        full_name,
        file,
        loader=_FromSource(full_name, str(file)),
        submodule_search_locations=[str(path)] if path.is_dir() else None,
    )
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[full_name] = module  # pydantic looks there for the names in annotations
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full_name]
        raise
    return module


class _FromSource(SourceFileLoader):
    """Compiles the source, whatever a cache beside it holds."""

    def get_code(self, fullname: str) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the code of the source that was hashed."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)
