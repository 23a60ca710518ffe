from pathlib import Path

from lmkit.reporting.sections.duplicate_clusters import duplicate_clusters
from tests.reporting.folders import data_of, write_folder


def test_clusters_are_counted_by_size_and_test_sets_listed(tmp_path: Path) -> None:
    found = {"set": "arc", "items": 9, "too_short": 1, "found": 2, "documents": 3, "share": 0.25}
    details = {"clusters": {"2": 5, "6": 1, "7": 2, "99": 1}, "test_sets": [found]}
    write_folder(tmp_path / "dedup", "dedup", details=details)
    section = duplicate_clusters(data_of(tmp_path))
    assert section
    assert "5 to 9 documents: 3 clusters, 20 documents" in section.content
    assert "50 to 99 documents: 1 clusters, 99 documents" in section.content
    assert "<td>arc</td>" in section.content and "<td>25.00%</td>" in section.content


def test_a_folder_without_repeats_says_so(tmp_path: Path) -> None:
    write_folder(tmp_path / "dedup", "dedup")
    section = duplicate_clusters(data_of(tmp_path))
    assert section and "No document repeats another" in section.content


def test_without_dedup_there_is_no_section(tmp_path: Path) -> None:
    write_folder(tmp_path / "clean", "clean")
    assert duplicate_clusters(data_of(tmp_path)) is None
