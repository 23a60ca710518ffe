from pathlib import Path

from lmkit.text.word_list_files import read_entries


def test_blank_lines_and_comments_are_no_entries(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"# comment\r\n\r\n one \r\ntwo words\r\nzwei # no comment\r\n")
    assert read_entries(path) == ["one", "two words", "zwei # no comment"]
