import os
from pathlib import Path

import pytest

from lmkit.errors import InputError, LmkitError
from lmkit.packing.packed_folder import PackedFolder, link_or_copy, only_packed


def test_a_file_is_linked_if_possible(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("tokens")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")


def test_a_file_is_copied_where_links_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a").write_text("tokens")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "tokens"
    assert not (tmp_path / "b").samefile(tmp_path / "a")


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("tokens")
    (tmp_path / "link").symlink_to("a")
    link_or_copy(tmp_path / "link", tmp_path / "b")
    assert not (tmp_path / "b").is_symlink() and (tmp_path / "b").samefile(tmp_path / "a")


def test_a_leftover_of_a_killed_process_is_replaced_and_not_written_through(
    tmp_path: Path,
) -> None:
    for name in ("a", "other"):
        (tmp_path / name).write_text(name)
    os.link(tmp_path / "other", tmp_path / "b")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "other").read_text() == "other"
    assert (tmp_path / "b").read_text() == "a"


def test_documents_are_not_a_packed_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    assert only_packed([tmp_path / "a.jsonl", tmp_path], None) is None
    assert only_packed([], None) is None


def test_a_packed_folder_must_be_the_only_input(packed: Path) -> None:
    found = only_packed([packed], None)
    assert found is not None and found.shards(["train", "validation"]) == [
        ("train", 0),
        ("validation", 0),
    ]
    with pytest.raises(InputError, match="not the only input"):
        only_packed([packed, packed.parent / "documents.jsonl"], None)
    with pytest.raises(LmkitError, match="not the only input"):
        only_packed([packed], packed.parent / "list.txt")


def test_one_at_a_url_is_to_be_copied() -> None:
    with pytest.raises(InputError, match=r"s3://b/packed: packed sequences are read from a disk"):
        PackedFolder.at(Path("s3://b/packed"), "hint")
