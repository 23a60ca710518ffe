from pathlib import Path

from lmkit.storage.formats import KNOWN


def test_content_decides_where_names_do_not(tmp_path: Path) -> None:
    assert KNOWN.by_content(b"<?xml version='1.0'?>\n<posts>") == "stackexchange"
    assert KNOWN.by_content(b"<mediawiki xmlns='x'>") == "wikipedia"
    assert KNOWN.by_content(b'{"a": 1}\n{"a": 2}') == "jsonl"
    (tmp_path / "page").write_text("<!DOCTYPE html><p>x")
    assert KNOWN.by_path(str(tmp_path / "page"), named=True, accepted={"html"}) == "html"
    assert KNOWN.by_path(str(tmp_path / "page"), named=False, accepted={"html"}) is None


def test_what_precedes_an_element_is_scanned_once() -> None:
    comments = b"<?xml version='1.0'?>\n" + b"<!-- a comment -->\n" * 60  # 2 ** 60 ways to read it
    assert KNOWN.by_content(comments + b"<feed>") is None
    assert KNOWN.by_content(comments + b"<mediawiki>") == "wikipedia"
