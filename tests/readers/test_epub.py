import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest

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
    assert bad == "! EPUB/text/one .xhtml: missing" and good == "Second."


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


PAGE = "application/xhtml+xml"
NAMESPACE = 'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"'
AES = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
FONTS = "http://www.idpf.org/2008/embedding"
ADOBE_FONTS = "http://ns.adobe.com/pdf/enc#RC"


def page(text: str) -> bytes:
    return f"<html><head><title>t</title></head><body><p>{text}</p></body></html>".encode()


def book(
    path: Path,
    files: dict[str, bytes],
    items: str,
    spine: str,
    *,
    opf: str = "OEBPS/content/b.opf",
    named: str | None = None,
    encrypted: dict[str, str] | None = None,
) -> list[str]:
    """Write a book by hand; return its texts and reasons."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        if named != "":
            container = CONTAINER.replace("EPUB/a_book.opf", named or opf)
            archive.writestr("META-INF/container.xml", container)
        if encrypted:
            data = "".join(
                f'<e:EncryptedData><e:EncryptionMethod Algorithm="{algorithm}"/><e:CipherData>'
                f'<e:CipherReference URI="{name}"/></e:CipherData></e:EncryptedData>'
                for name, algorithm in encrypted.items()
            )
            xml = f'<encryption {NAMESPACE} xmlns:e="http://www.w3.org/2001/04/xmlenc#">{data}'
            archive.writestr("META-INF/encryption.xml", f"{xml}</encryption>")
        package = (
            f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest>'
            f"{spine}</package>"
        )
        archive.writestr(opf, package)
        for name, body in files.items():
            archive.writestr(name, body)
    return texts_and_reasons(outcomes(path))


def item(name: str, href: str, media: str = PAGE, more: str = "") -> str:
    declared = f' media-type="{media}"' if media else ""
    return f'<item id="{name}" href="{href}"{declared} {more}/>'


def spine_of(*names: str) -> str:
    return "<spine>" + "".join(f'<itemref idref="{name}"/>' for name in names) + "</spine>"


@pytest.mark.parametrize(
    ("href", "stored"),
    [
        ("../text/%E7%81%AF%20one.xhtml", "OEBPS/text/灯 one.xhtml"),
        ("./../../text/one.xhtml#start", "text/one.xhtml"),
        ("/OEBPS/one.xhtml", "OEBPS/one.xhtml"),
        ("Text/ONE.XHTML", "OEBPS/content/text/One.xhtml"),
        ("caf%C3%A9.xhtml", "OEBPS/content/cafe\u0301.xhtml"),
        ("a%2Bb.xhtml", "OEBPS/content/a+b.xhtml"),
    ],
)
def test_a_path_is_found_as_reading_systems_find_it(tmp_path: Path, href: str, stored: str) -> None:
    found = book(tmp_path / "a.epub", {stored: page("Маяк.")}, item("a", href), spine_of("a"))
    assert found == ["Маяк."]


@pytest.mark.parametrize(
    "media", ["text/x-oeb1-document", "application/xml", "text/html", "text/xml", "", "a/b"]
)
def test_the_content_of_a_chapter_decides_what_it_is(tmp_path: Path, media: str) -> None:
    files = {"OEBPS/content/a": page("北の岬。"), "OEBPS/content/b": page("The lamp.")}
    items = item("a", "a", media) + item("b", "b")
    assert book(tmp_path / "a.epub", files, items, spine_of("a", "b")) == ["北の岬。\n\nThe lamp."]


def test_each_chapter_that_is_no_text_is_listed(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(5_000)
    files = {
        "OEBPS/content/noise": noise,
        "OEBPS/content/pdf": b"%PDF-1.4 and more",
        "OEBPS/content/cover": b"\x89PNG\r\n",
        "OEBPS/content/good": page("Text."),
    }
    items = item("noise", "noise") + item("pdf", "pdf", "application/pdf") + item("good", "good")
    items += item("cover", "cover", "image/png") + item("lost", "lost")
    found = book(
        tmp_path / "a.epub",
        files,
        items,
        spine_of("noise", "pdf", "absent", "lost", "cover", "good"),
    )
    assert found == [
        "! OEBPS/content/noise: binary or encrypted data",
        "! OEBPS/content/pdf: not what its name says: a PDF",
        "! spine item 'absent': not in the manifest",
        "! OEBPS/content/lost: missing",
        "Text.",
    ]


@pytest.mark.parametrize("scheme", [AES, "http://www.w3.org/2009/xmlenc11#aes256-gcm", "x"])
def test_encrypted_chapters_are_listed_and_not_read(tmp_path: Path, scheme: str) -> None:
    files = {f"OEBPS/content/{name} .xhtml": page(name) for name in "abc"}
    items = "".join(item(name, f"{name}%20.xhtml") for name in "abc")
    secret = {"OEBPS/content/a%20.xhtml": scheme, "OEBPS/content/c%20.xhtml": scheme}
    first, second, text = book(
        tmp_path / "a.epub", files, items, spine_of(*"abc"), encrypted=secret
    )
    assert first.startswith("! OEBPS/content/a .xhtml: encrypted") and "c .xhtml" in second
    assert text == "b"
    secret = {f"OEBPS/content/{name}%20.xhtml": scheme for name in "abc"}
    found = book(tmp_path / "a.epub", files, items, spine_of(*"abc"), encrypted=secret)
    assert len(found) == 3 and all("encrypted" in reason for reason in found)


@pytest.mark.parametrize("scheme", [FONTS, ADOBE_FONTS])
def test_obfuscated_fonts_do_not_hinder(tmp_path: Path, scheme: str) -> None:
    files = {"OEBPS/content/a.xhtml": page("Text."), "OEBPS/f.otf": b"font"}
    secret = {"OEBPS/f.otf": scheme}
    items = item("a", "a.xhtml")
    assert book(tmp_path / "a.epub", files, items, spine_of("a"), encrypted=secret) == ["Text."]


def test_each_chapter_is_read_once_in_the_order_of_the_spine(tmp_path: Path) -> None:
    files = {f"OEBPS/content/{name}": page(name) for name in ("one", "two", "notes")}
    items = "".join(item(name, name) for name in ("notes", "two", "one"))
    items += item("again", "one#part") + item("ncx", "toc", "application/x-dtbncx+xml")
    spine = spine_of("one", "ncx", "notes", "two", "one", "again").replace(
        'idref="notes"', 'idref="notes" linear="no"'
    )
    assert book(tmp_path / "a.epub", files, items, spine) == ["one\n\nnotes\n\ntwo"]


@pytest.mark.parametrize("spine", ["", "<spine/>"])
def test_a_book_without_a_spine_is_read_in_the_order_of_its_manifest(
    tmp_path: Path, spine: str
) -> None:
    files = {f"OEBPS/content/{name}": page(name) for name in "ba"}
    items = item("nav", "n", more='properties="nav"') + item("b", "b") + item("i", "i", "image/png")
    counts: Counter[str] = Counter()
    assert book(tmp_path / "a.epub", files, items + item("a", "a"), spine) == ["b\n\na"]
    outcomes(tmp_path / "a.epub", counts=counts)
    assert counts == {"books_without_a_spine": 1}
    assert book(tmp_path / "a.epub", files, "", spine)[0].startswith("! no chapters")


@pytest.mark.parametrize("named", ["", "OEBPS/Content/B.opf", "gone.opf"])
def test_the_only_package_is_found_without_a_container(tmp_path: Path, named: str) -> None:
    files = {"OEBPS/content/a.xhtml": page("Text.")}
    items = item("a", "a.xhtml")
    assert book(tmp_path / "a.epub", files, items, spine_of("a"), named=named) == ["Text."]


def test_a_fallback_stands_for_what_is_no_page(tmp_path: Path) -> None:
    files = {"OEBPS/content/a.pdf": b"%PDF-", "OEBPS/content/a.xhtml": page("Text.")}
    items = item("a", "a.pdf", "application/pdf", 'fallback="b"')
    items += item("b", "a.xhtml", more='fallback="a"')
    assert book(tmp_path / "a.epub", files, items, spine_of("a")) == ["Text."]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "windows-1251"])
def test_a_chapter_may_have_another_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Смотритель маяка поднимался по лестнице. " * 3
    declared = "utf-16" if "16" in encoding else encoding.removesuffix("-sig")
    xml = f'<?xml version="1.0" encoding="{declared}"?>' + page(text).decode()
    files = {"OEBPS/content/a": xml.encode(encoding)}
    found = book(tmp_path / "a.epub", files, item("a", "a"), spine_of("a"))
    assert found == [text.strip()]


def test_entities_that_a_chapter_declares_are_replaced(tmp_path: Path) -> None:
    subset = "<!DOCTYPE html [<!ENTITY D \"&#8212;\"> <!ENTITY name 'Café'>]>"
    files = {"OEBPS/content/a": subset.encode() + page("&name;&D;one&nbsp;&eacute; &other;")}
    found = book(tmp_path / "a.epub", files, item("a", "a"), spine_of("a"))
    assert [text.replace("\xa0", " ") for text in found] == ["Café—one é &other;"]


def test_an_entity_bomb_in_a_chapter_stays_small(tmp_path: Path) -> None:
    subset = f'<!DOCTYPE html [<!ENTITY a "{"x" * 60_000}">]>'
    files = {"OEBPS/content/a": subset.encode() + page("&a;" * 100_000)}
    (found,) = book(tmp_path / "a.epub", files, item("a", "a"), spine_of("a"))
    assert len(found) < 1_000_000


def test_a_chapter_with_a_wrong_checksum_is_listed(tmp_path: Path) -> None:
    files = {"OEBPS/content/a": page("Bad."), "OEBPS/content/b": page("Good.")}
    path = tmp_path / "a.epub"
    book(path, files, item("a", "a") + item("b", "b"), spine_of("a", "b"))
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        crc = archive.getinfo("OEBPS/content/a").CRC.to_bytes(4, "little")
    path.write_bytes(bytes(data).replace(crc, b"\0\0\0\0"))
    bad, good = texts_and_reasons(outcomes(path))
    assert "Bad CRC" in bad and good == "Good."


def test_the_metadata_of_old_packages_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.epub"
    metadata = (
        '<metadata><dc-metadata xmlns:dc="http://purl.org/dc/elements/1.0/">'
        "<dc:Title>Caf&eacute;&nbsp;&amp; lamp</dc:Title></dc-metadata></metadata><manifest>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "b.opf",
            "<package>"
            + metadata
            + item("a", "a", "text/x-oeb1-document")
            + "</manifest>"
            + spine_of("a")
            + "</package>",
        )
        archive.writestr("a", page("Text."))
    (document,) = documents(path)
    assert document.metadata["title"] == "Café\xa0& lamp" and document.text == "Text."


def test_characters_that_cannot_be_decoded_are_counted_and_formulas_left_out(
    tmp_path: Path,
) -> None:
    math = '<math><annotation encoding="application/x-tex">E=mc^2</annotation></math>'
    write(tmp_path / "a.epub", one=f"<p>море {math} и суша: QQ</p>", two="<p>.</p>")
    book = tmp_path / "b.epub"
    with zipfile.ZipFile(tmp_path / "a.epub") as old, zipfile.ZipFile(book, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"QQ", b"x\xff\xfex"))
    for asked, start in (("tex", "море E=mc^2 и"), ("drop", "море и")):
        counts: Counter[str] = Counter()
        (document,) = documents(book, math=asked, counts=counts)
        assert document.text.startswith(f"{start} суша: x\ufffd\ufffdx")
        assert counts["replaced_characters"] == 2
