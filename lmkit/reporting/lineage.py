"""The folders that a report shows, from raw files to scores, each after those that it was made of.

Choices:
- A folder that lmkit made is shown with everything that it was made of: its manifest names its
  inputs. A folder that lmkit didn't make is searched for folders that it did; in those nothing is
  searched. Other reports are left out.
- Inputs are recorded as they were typed. They are found by the fingerprint of what was read, where
  a folder was moved; then from where the command ran, which follows from `--output`; then from
  here; then next to the folder that was made of it. What isn't found is shown as missing.
- Folders are called by what differs in their paths: a report says nothing about the machine.
- Everything is sorted, so that the same folders give the same page.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lmkit.artifacts.manifest import Input, Plan
from lmkit.artifacts.opened_folder import OpenedFolder, is_begun, open_folder
from lmkit.errors import InputError, LmkitError
from lmkit.storage.remote_files import shown

RAW, MISSING, OUTSIDE = "raw files", "missing", "not made by lmkit"
"""What a node is that isn't a folder of lmkit's."""
HAS_FINGERPRINT = frozenset({"clean", "dedup", "pack"})
"""Stages whose folders are recorded by their fingerprint where they are read."""


@dataclass(frozen=True)
class Node:
    """A folder, or raw files."""

    key: str
    name: str
    stage: str
    """The command that made it; for what lmkit didn't make, what it is."""
    folder: OpenedFolder | None = None
    inputs: tuple[str, ...] = ()
    """The keys of the nodes that it was made of."""
    files: int = 0
    bytes: int = 0
    """Of raw files."""

    @property
    def is_finished(self) -> bool:
        """Whether it is a folder with a manifest."""
        return self.folder is not None and self.folder.manifest is not None


@dataclass(frozen=True)
class ShownFolder:
    """A folder of lmkit's, and how the page calls it."""

    name: str
    opened: OpenedFolder


@dataclass(frozen=True)
class Lineage:
    """All folders of a report, each after those that it was made of."""

    nodes: tuple[Node, ...]
    problems: tuple[str, ...] = ()
    """Folders that could not be read, and inputs that were made again since."""

    def folders(self, *stages: str) -> list[ShownFolder]:
        """Return the folders of some commands; of all where none is named."""
        return [
            ShownFolder(node.name, node.folder)
            for node in self.nodes
            if node.folder and (not stages or node.stage in stages)
        ]

    def sources(self) -> list[Node]:
        """Return the raw files that documents come from; test sets, which are only read, aren't."""
        raw = [node for node in self.nodes if node.stage == RAW]
        cleaned = {key for node in self.nodes if node.stage == "clean" for key in node.inputs}
        return [node for node in raw if node.key in cleaned] or raw

    def above(self, name: str) -> list[ShownFolder]:
        """Return a folder and all that it was made of."""
        wanted = {node.key for node in self.nodes if node.name == name and node.folder}
        for node in reversed(self.nodes):
            if node.key in wanted:
                wanted |= set(node.inputs)
        return [
            ShownFolder(node.name, node.folder)
            for node in self.nodes
            if node.folder and node.key in wanted
        ]


def find_lineage(typed: Sequence[Path], output: Path) -> Lineage:
    """Return what the typed folders hold, and what that was made of. Raises InputError."""
    search = _Search(os.path.realpath(output))
    for path in typed:
        search.add_typed(path)
    search.walk_upwards()
    return search.lineage()


@dataclass
class _Search:
    """Folders that were found, by their real paths."""

    output: str
    found: dict[str, OpenedFolder] = field(default_factory=dict[str, OpenedFolder])
    inputs: dict[str, list[Node]] = field(default_factory=dict[str, list[Node]])
    """Of each folder: raw files, and folders with nothing but their key."""
    others: dict[str, Node] = field(default_factory=dict[str, Node])
    """What lmkit didn't make, by key."""
    problems: list[str] = field(default_factory=list[str])

    def add_typed(self, path: Path) -> None:
        """Find the folders at a path, or below it."""
        if not path.is_dir():
            open_folder(path, "report")  # raises the error
        if is_begun(path) and (made := self._containing(path)):
            self._add(made)
            return
        before = len(self.found)
        for folder in _folders_below(path):
            try:
                self._add(open_folder(folder))
            except LmkitError as error:
                self.problems.append(str(error))
        if len(self.found) > before or any(_folders_below(path)):
            return
        if made := self._containing(path):
            self._add(made)
            return
        raise InputError(
            f"{path}: holds no folder that lmkit made",
            "name a folder that lmkit wrote, or one above",
        )

    def _containing(self, path: Path) -> OpenedFolder | None:
        """Open the folder that a path is, or that it is in."""
        for each in (path, *path.parents):
            if not is_begun(each):
                continue
            try:
                return open_folder(each)
            except InputError:
                if each == path and not any(is_begun(parent) for parent in path.parents):
                    raise
        return None

    def _add(self, opened: OpenedFolder) -> str:
        key = os.path.realpath(opened.path)
        if key != self.output and opened.plan.stage != "report":
            self.found.setdefault(key, opened)
        return key

    def walk_upwards(self) -> None:
        """Find what each folder was made of."""
        waiting = sorted(self.found)
        while waiting:
            key = waiting.pop()
            if key in self.inputs:
                continue
            self.inputs[key] = []
            for record in _inputs_in_groups(self.found[key].plan):
                node = self._input(self.found[key], *record)
                self.inputs[key].append(node)
                if node.key in self.found:
                    waiting.append(node.key)
                else:
                    self.others[node.key] = node

    def _input(self, folder: OpenedFolder, first: Input, files: int, size: int) -> Node:
        """Return the node of an input, which is opened if lmkit made it."""
        if first.modified is not None or "://" in first.path:
            where = first.path if files == 1 else first.source
            key = f"{RAW} {first.source} {where} {folder.path}"  # drawn next to what reads it
            return Node(key, first.source or first.origin, RAW, files=files, bytes=size)
        for key, opened in sorted(self.found.items()):
            if opened.manifest and opened.manifest.fingerprint in first.sha256:
                return Node(key, "", "")
        for path in _candidates(folder, first.path):
            if not path.exists():
                continue
            try:
                opened = self._containing(path)
            except LmkitError as error:
                self.problems.append(str(error))
                opened = None
            if opened is None:
                return Node(os.path.realpath(path), path.name, OUTSIDE)
            self._note_change(folder, opened, first)
            return Node(self._add(opened), "", "")
        key = f"{MISSING} {first.path} {first.sha256}"
        return Node(key, shown(first.path), MISSING)

    def _note_change(self, folder: OpenedFolder, opened: OpenedFolder, read: Input) -> None:
        made = opened.manifest
        if made and made.stage in HAS_FINGERPRINT and made.fingerprint not in read.sha256:
            self.problems.append(
                f"{folder.path} was made of {opened.path}, which has been made again since"
            )

    def lineage(self) -> Lineage:
        """Return all nodes in order, with their names."""
        named = _names([*self.found])
        order: dict[str, Node] = {}

        def visit(key: str) -> None:
            if key in order or key not in self.found:
                return
            nodes = sorted(self.inputs[key], key=lambda node: node.key)
            for node in nodes:
                if node.key in self.others:
                    order.setdefault(node.key, self.others[node.key])
                visit(node.key)
            opened = self.found[key]
            inputs = tuple(dict.fromkeys(node.key for node in nodes))
            order[key] = Node(key, named[key], opened.plan.stage, opened, inputs)

        for key in sorted(self.found, key=lambda key: (named[key], key)):
            visit(key)
        nodes = _by_depth(order.values())
        return Lineage(nodes, tuple(sorted(set(self.problems))))


def _by_depth(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return nodes by their number of steps from raw files; each stands after its inputs."""
    depth: dict[str, int] = {}
    found = list(nodes)
    for node in found:
        depth[node.key] = max((depth.get(key, 0) + 1 for key in node.inputs), default=0)
    return tuple(sorted(found, key=lambda node: depth[node.key]))


def _folders_below(top: Path) -> Iterator[Path]:
    """Yield the folders that lmkit made, sorted; nothing is searched in them."""
    for parent, names, _ in os.walk(top):
        if is_begun(Path(parent)):
            names.clear()
            yield Path(parent)
        names[:] = sorted(name for name in names if not name.startswith("."))


def _inputs_in_groups(plan: Plan) -> list[tuple[Input, int, int]]:
    """Return the inputs of a plan with files and bytes: raw files of a source are one."""
    groups: dict[tuple[str, str], tuple[Input, int, int]] = {}
    for item in plan.inputs:
        key = (item.source, item.path if item.modified is None else RAW)
        first, files, size = groups.get(key, (item, 0, 0))
        groups[key] = first, files + 1, size + item.bytes
    return list(groups.values())


def _candidates(folder: OpenedFolder, recorded: str) -> Iterator[Path]:
    """Yield where an input of a folder may be now."""
    path, output = Path(recorded), Path(str(folder.plan.config.get("output") or ""))
    parts = output.parts
    if not path.is_absolute() and not output.is_absolute() and ".." not in parts and parts:
        here = Path.cwd() / folder.path
        if here.parts[-len(parts) :] == parts:
            yield here.parents[len(parts) - 1] / path
    yield path
    for start in range(1, len(path.parts)):  # moved together, under another name
        yield folder.path.parent.joinpath(*path.parts[start:])


def _names(keys: Sequence[str]) -> dict[str, str]:
    """Return what to call folders, by their real paths: the part in which they differ."""
    if not keys:
        return {}
    common = os.path.commonpath([str(Path(key).parent) for key in keys])
    return {key: os.path.relpath(key, common) for key in keys}
