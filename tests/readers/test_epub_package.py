import pytest

from lmkit.readers.epub_package import chapters_of, encrypted_files, member_name, parse_xml
from lmkit.storage.byte_ranges import CorruptInput


def package(items: str, spine: str) -> bytes:
    return f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>".encode()


def test_paths_are_relative_to_the_package() -> None:
    items = '<item id="a" href="../x/%C3%A9.html#top"/><item id="b" href="/y.html"/>'
    root = parse_xml(package(items, '<itemref idref="b"/><itemref idref="a"/>'))
    names = [chapter.name for chapter in chapters_of(root, "one/two/b.opf").found]
    assert names == ["y.html", "one/x/é.html"]


def test_names_differ_neither_by_case_nor_by_the_form_of_accents() -> None:
    assert member_name("OEBPS/Cafe\u0301.XHTML") == member_name("oebps\\caf\u00e9.xhtml")


def test_a_chain_of_fallbacks_that_has_no_end_is_left() -> None:
    items = (
        '<item id="a" href="a" media-type="x/y" fallback="b"/>'
        '<item id="b" href="b" media-type="x/y" fallback="a"/>'
    )
    root = parse_xml(package(items, '<itemref idref="a"/>'))
    assert [chapter.name for chapter in chapters_of(root, "b.opf").found] == ["a"]


def test_html_entities_in_xml_are_characters_and_declared_ones_are_refused() -> None:
    root = parse_xml(b"<t>&eacute;&nbsp;&lt;&amp;&#233;</t>")
    assert root.text == "é\xa0<&é"
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(CorruptInput, match="entities"):
            parse_xml('<!DOCTYPE t [<!ENTITY a "b">]><t>&a;</t>'.encode(encoding))


def test_only_fonts_may_be_obfuscated() -> None:
    fonts = '<EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>'
    methods = [fonts, '<EncryptionMethod Algorithm="http://x.example/#aes"/>', ""]
    data = "".join(
        f"<EncryptedData>{method}<CipherData>"
        f'<CipherReference URI="a%20{number}"/></CipherData></EncryptedData>'
        for number, method in enumerate(methods)
    )
    root = parse_xml(f"<encryption>{data}</encryption>".encode())
    assert encrypted_files(root) == {"a 1": "aes", "a 2": "unknown algorithm"}
