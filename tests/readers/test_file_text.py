from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Unreadable
from lmkit.readers.file_text import decode
from lmkit.readers.options import ReaderConfig
from tests.readers.reading import documents, outcomes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_every_form_of_unicode_is_read(encoding: str) -> None:
    assert decode("A text, in Unicode.".encode(encoding)) == "A text, in Unicode."


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "na\u00efve \u2013 caf\u00e9"),
        ("windows-1251", "\u041c\u0430\u044f\u043a \u0441\u0442\u043e\u0438\u0442."),
        ("shift_jis", "\u706f\u53f0\u8868"),
        ("gb18030", "\u706f\u5854\u3002"),
        ("utf-16-be", "ab"),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.py", "a.jsonl", "a.json", "a.csv", "a.tsv"])
def test_an_encoding_can_be_chosen(tmp_path: Path, encoding: str, text: str, name: str) -> None:
    content = {
        ".jsonl": f'{{"text": "{text}"}}\n',
        ".json": f'[\n{{"text": "{text}"}}\n]',
        ".csv": f"text,n\n{text},1\n",
        ".tsv": f"text\tn\n{text}\t1\n",
    }
    data = content.get(Path(name).suffix, text).encode(encoding)
    (tmp_path / name).write_bytes(data)
    kinds = {".py": "code", ".txt": "text"}
    forced = kinds.get(Path(name).suffix, name[2:])
    (document,) = documents(tmp_path / name, forced=forced, encoding=encoding)
    assert document.text == text
    # A byte-order mark counts more.
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + data.decode(encoding).encode())
    (document,) = documents(tmp_path / name, forced=forced, encoding=encoding)
    assert document.text == text


def test_what_the_chosen_encoding_lacks_is_listed_with_its_offset(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9 \x81")
    (found,) = outcomes(tmp_path / "a.txt", encoding="cp1252")
    assert isinstance(found, Unreadable) and (found.offset, found.reason[:10]) == (5, "not CP1252")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cp1522", "cp1252"), ("shiftjis2", "shiftjis"), ("base64", ""), ("idna", "")],
)
def test_no_encoding_of_that_name(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"--read.encoding: got {name}, must be .*{hint}"):
        ReaderConfig(encoding=name)
