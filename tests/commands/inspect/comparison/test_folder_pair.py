from pathlib import Path

from lmkit.artifacts.manifest import Plan
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.comparison.folder_pair import Pair


def folder(path: str) -> OpenedFolder:
    return OpenedFolder(Path(path), Plan(stage="clean", lmkit="1", config={}, inputs=()))


def test_folders_have_their_names_or_their_paths_where_those_are_the_same() -> None:
    assert Pair.of(folder("x/one"), folder("x/two")).names == ("one", "two")
    assert Pair.of(folder("x/one"), folder("y/one")).names == ("x/one", "y/one")
    assert Pair.of(folder("x/one"), folder("x/one")).names == ("first", "second")


def test_a_row_has_a_value_of_each() -> None:
    row = Pair.of(folder("one"), folder("two")).row({"count": "out"}, 1, 2)
    assert row == {"count": "out", "one": 1, "two": 2}
