import zipfile
from pathlib import Path

from tests.readers.reading import documents, outcomes, texts_and_reasons

# After the minimal examples of https://www.w3.org/TR/epub-33/ (OCF 4.2.6.3.1, packages 5).
CONTAINER = """<?xml version="1.0"?><container version="1.0"
xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile
full-path="EPUB/a_book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Book</dc:title>
<dc:creator>Ann</dc:creator><dc:language>en</dc:language></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/one%20.xhtml" media-type="application/xhtml+xml"/>
<item id="pic" href="a.png" media-type="image/png"/></manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/></spine></package>"""


def write(path: Path, **chapters: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("EPUB/a_book.opf", PACKAGE)
        book.writestr("EPUB/nav.xhtml", "<html><body>Contents</body></html>")
        for name, body in chapters.items():
            file = {"one": "one .xhtml", "two": "two.xhtml"}[name]
            html = f"<html><head><title>t</title></head><body>{body}</body></html>"
            book.writestr(f"EPUB/text/{file}", html)
    return path


def test_chapters_are_in_the_order_of_the_spine(tmp_path: Path) -> None:
    book = write(tmp_path / "a.epub", two="<p>Second.</p>", one="<h1>One</h1><p>First é.</p>")
    (document,) = documents(book)
    assert document.text == "One\n\nFirst é.\n\nSecond."
    known = {key: document.metadata[key] for key in ("title", "author", "language")}
    assert known == {"title": "A Book", "author": "Ann", "language": "en"}


def test_a_missing_chapter_costs_one_chapter(tmp_path: Path) -> None:
    bad, good = texts_and_reasons(outcomes(write(tmp_path / "a.epub", two="<p>Second.</p>")))
    assert bad == "! EPUB/text/one .xhtml: EPUB/text/one .xhtml is missing" and good == "Second."


def test_a_zip_bomb_is_not_decompressed(tmp_path: Path) -> None:
    book = write(tmp_path / "a.epub", one="x" * 50_000_000, two="y")
    assert book.stat().st_size < 100_000
    assert texts_and_reasons(outcomes(book)) == ["! longer than --max-record (1,000,000 bytes)"]


def test_an_invalid_book_is_reported(tmp_path: Path) -> None:
    book = write(tmp_path / "a.epub", one="x", two="y")
    book.write_bytes(book.read_bytes()[:-40])
    assert texts_and_reasons(outcomes(book))[0].startswith("! not an EPUB")


def test_an_archive_of_a_later_version_and_an_encrypted_chapter_are_reported(
    tmp_path: Path,
) -> None:
    book = write(tmp_path / "a.epub", one="<p>First.</p>", two="<p>Second.</p>")
    data = bytearray(book.read_bytes())
    # APPNOTE 4.3.12: the version that is needed, and the flags, after a directory entry's start.
    later = bytearray(data)
    later[later.index(b"PK\x01\x02") + 6] = 99
    book.write_bytes(later)
    (reason,) = texts_and_reasons(outcomes(book))
    assert reason.startswith("! not an EPUB") and "9.9" in reason
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 8] |= 1
    book.write_bytes(data)
    found = texts_and_reasons(outcomes(book))
    assert len(found) == 2 and "encrypted" in " ".join(found)
