from pathlib import Path

from lmkit.deduplication.removal_table import Removals, Verdicts, removed_in, write_removals


def table(path: Path, *rows: tuple[int, int, float]) -> Removals:
    write_removals(path, rows)
    return Removals([path])


def test_the_representative_is_found_by_number(tmp_path: Path) -> None:
    write_removals(tmp_path / "a", [(7, 1, 0.8), (2, 1, 0.9)])
    write_removals(tmp_path / "b", [])
    write_removals(tmp_path / "c", [(5, 3, 0.7)])
    removed = Removals([tmp_path / name for name in "abc"])
    found = {number: removed.get(number) for number in range(9)}
    assert {n: row for n, row in found.items() if row} == {2: (1, 0.9), 7: (1, 0.8), 5: (3, 0.7)}
    assert sorted(removed.numbers(2, 7)) == [2, 5]
    assert sorted(removed_in([removed], 0, 99)) == [2, 5, 7]
    assert removed_in([], 0, 99).tolist() == []


def test_a_copy_of_one_removed_later_has_the_final_representative(tmp_path: Path) -> None:
    exact = table(tmp_path / "exact", (3, 2, 1.0), (4, 0, 1.0))
    near = table(tmp_path / "near", (2, 1, 0.8))
    verdicts = Verdicts([("exact", exact), ("near", near)], 2, 5)
    assert [verdicts.reason(number) for number in range(2, 5)] == ["near", "exact", "exact"]
    assert [verdicts.representative(number) for number in range(2, 5)] == [
        (1, 0.8),
        (1, 0.8),
        (0, 1.0),
    ]
