from pathlib import Path

from lmkit.artifacts.destination import PLAN, Destination
from lmkit.artifacts.local_destination import LocalDestination
from lmkit.artifacts.remote_destination import RemoteDestination
from lmkit.storage.object_store import ObjectStore


def test_both_kinds_of_destinations_answer_the_same(tmp_path: Path) -> None:
    remote = RemoteDestination(ObjectStore("memory://none", 0), tmp_path, keeps=False)
    both: list[Destination] = [LocalDestination(tmp_path), remote]
    for each in both:
        assert each.folder.is_relative_to(tmp_path)
        assert each.other_files((), known=False) == []
    assert PLAN == ".partial/plan.json"
