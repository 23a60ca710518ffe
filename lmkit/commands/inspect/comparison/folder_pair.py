"""Two folders, and the names that tell them apart."""

from collections.abc import Iterator
from dataclasses import dataclass

from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.folder_kind import Sections


@dataclass(frozen=True)
class Pair:
    """Two folders of the same command."""

    folders: tuple[OpenedFolder, OpenedFolder]
    names: tuple[str, str]
    """The last parts of their paths, or the paths where those are the same."""

    @classmethod
    def of(cls, first: OpenedFolder, second: OpenedFolder) -> "Pair":
        """Return two folders with their names."""
        one, two = first.path.resolve().name, second.path.resolve().name
        if one == two:
            one, two = str(first.path), str(second.path)
        return cls((first, second), (one, two) if one != two else ("first", "second"))

    @property
    def named(self) -> Iterator[tuple[str, OpenedFolder]]:
        """The folders with their names."""
        return zip(self.names, self.folders, strict=True)

    def row(self, facts: Sections, first: object, second: object) -> Sections:
        """Return a row of a table with a value of each folder."""
        return facts | dict(zip(self.names, (first, second), strict=True))
