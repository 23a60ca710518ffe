import pytest

from lmkit.readers.web.page_charset import decoded, page_html

GERMAN = "Über den Dünen kreisen größere Möwen, und am Abend läuft die Fähre zurück."
RUSSIAN = "Смотритель записывал погоду в толстую тетрадь, и никто её не читал."
THAI = "ประภาคารตั้งอยู่ทางชายฝั่งเหนือของเกาะ และส่องสว่างทุกค่ำคืน"
JAPANESE = "灯台守は毎朝、海の色を日記に書いた。船は港に戻り、鐘が①度鳴る。"
CHINESE = "守塔人每天早晨把海的颜色写进日记。船回到港口、钟声响起。"
KOREAN = "등대지기는 매일 아침 바다의 빛깔을 일기에 적었다. 똠방"
WRITTEN = [
    (GERMAN, "windows-1252", "cp1252"),
    (RUSSIAN, "windows-1251", "cp1251"),
    (RUSSIAN, "koi8-r", "koi8-r"),
    (THAI, "windows-874", "cp874"),
    (JAPANESE, "shift_jis", "cp932"),
    (CHINESE, "gb2312", "gb18030"),
    (KOREAN, "euc-kr", "cp949"),
]


def spelled(text: str, encoding: str, meta: str = "") -> bytes:
    declaration = f'<meta charset="{meta}">' if meta else ""
    return f"<html><head>{declaration}<title>x</title></head><body><p>{text}</p></body>".encode(
        encoding
    )


@pytest.mark.parametrize(("text", "label", "encoding"), WRITTEN)
def test_a_charset_that_the_bytes_refute_is_ignored(text: str, label: str, encoding: str) -> None:
    assert text in page_html(spelled(text, encoding, label), "utf-8")  # the server is wrong
    assert text in page_html(spelled(text, encoding, "utf-8"), label)  # the page is wrong
    assert text in page_html(spelled(text, encoding, "utf-8"))  # and nothing else declares it
    assert text in page_html(spelled(text, encoding), "UTF-8")
    assert text in page_html(spelled(text, "utf-8", "utf-8"), label)
    assert text in page_html(spelled(text, "utf-8"), label)


@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, THAI, JAPANESE, CHINESE, KOREAN])
@pytest.mark.parametrize("bad", [b"\xe9", b"\x92", b"\xff", b"\xe2\x80"])
def test_one_bad_byte_costs_one_character(text: str, bad: bytes) -> None:
    first, last = text[:20], text[20:]
    page = spelled(f"{first} | {last}", "utf-8", "utf-8").replace(b"|", bad + b".")
    for charset in (None, "utf-8", "latin1"):
        assert f"{first} \ufffd. {last}" in page_html(page, charset)
    plain = page.replace(b"<meta charset", b"<meta name")
    assert f"{first} \ufffd. {last}" in page_html(plain)


@pytest.mark.parametrize(("text", "label", "encoding"), WRITTEN[4:])
def test_one_bad_byte_in_other_multibyte_encodings_costs_one_character(
    text: str, label: str, encoding: str
) -> None:
    page = spelled(f"{text * 2}|{text}", encoding, label).replace(b"|", b"\x81 ")
    for charset in (None, label, "utf-8"):
        found = page_html(page, charset)
        assert text * 2 in found and text in found.replace(text * 2, "") and "\ufffd" in found


def test_a_page_truncated_within_a_character_is_still_utf8() -> None:
    for text in (GERMAN, KOREAN, "Only the last word has one: caf\u00e9"):
        page = spelled(text, "utf-8", "utf-8").partition(b"</p>")[0]
        whole = page.decode() + "\ufffd"
        assert page_html(page + "é".encode()[:1]) == whole
        assert page_html(page + "船".encode()[:2], "utf-8") == whole


def test_labels_have_the_meaning_of_browsers() -> None:
    # https://encoding.spec.whatwg.org/#names-and-labels: latin1 is windows-1252.
    for label in ("latin1", "iso-8859-1", "us-ascii"):
        assert "“5 €” … so" in page_html(spelled("“5 €” … so", "cp1252", label))
        assert "“5 €” … so" in page_html(spelled("“5 €” … so", "cp1252"), label)
    assert "é" in page_html(spelled("é", "utf-8", "utf-16"))  # nothing is UTF-16 without zeros
    xml = '<?xml version="1.0" encoding="windows-1251"?><html><p>' + RUSSIAN
    assert page_html(xml.encode("cp1251")) == xml
    comment = "<!-- <meta charset=koi8-r> --><meta charset=windows-1251><p>" + RUSSIAN
    assert page_html(comment.encode("cp1251")) == comment


def test_windows_1252_is_not_mistaken_for_a_central_european_encoding() -> None:
    page = spelled("Le vieux phare de l'île, où l'été s'achève à l'aube", "cp1252", "utf-8")
    page = page.replace(b"<html>", b"<html lang=fr>")
    assert "l'île, où l'été s'achève à l'aube" in page_html(page)


def test_bytes_that_fit_nothing_become_replacement_characters() -> None:
    page = b"<meta charset=utf-8><p>one \x81\x8d\x8f\x90\x9d two"
    assert page_html(page) == "<meta charset=utf-8><p>one " + "\ufffd" * 5 + " two"


def test_iso_2022_is_read_although_it_is_ascii() -> None:
    page = spelled("灯台守は毎朝", "iso2022_jp", "iso-2022-jp")
    assert page.isascii() and "灯台守は毎朝" in page_html(page)


POLISH = "Zażółć gęślą jaźń, a latarnia na północnym przylądku świeci co noc."
TURKISH = "Deniz feneri kuzey burnunda, ışığı ve gölgesi şiirde yaşıyor."  # noqa: RUF001
ARABIC = "بنيت المنارة على الرأس الشمالي من حجر الجزيرة"
HEBREW = "המגדלור בכף הצפוני נבנה מאבן האי"
BALTIC = "Švyturys šiauriniame iškyšulyje šviečia kiekvieną naktį."
TAIWAN = "守塔人每天早晨把海的顏色寫進日記。"


@pytest.mark.parametrize(
    ("text", "label", "encoding"),
    [
        (POLISH, "iso-8859-2", "iso8859-2"),
        (POLISH, "windows-1250", "cp1250"),
        (TURKISH, "iso-8859-9", "cp1254"),
        (TURKISH, "windows-1254", "cp1254"),
        (ARABIC, "windows-1256", "cp1256"),
        (HEBREW, "windows-1255", "cp1255"),
        (HEBREW, "iso-8859-8-i", "iso8859-8"),
        (BALTIC, "windows-1257", "cp1257"),
        (RUSSIAN, "x-mac-cyrillic", "mac-cyrillic"),
        (RUSSIAN, "ibm866", "cp866"),
        (JAPANESE.replace("①", ""), "euc-jp", "euc_jp"),
        (TAIWAN, "big5", "big5"),
        (CHINESE, "gbk", "gbk"),
        (GERMAN, "macintosh", "mac-roman"),
        (GERMAN, "x-user-defined", "cp1252"),
        (KOREAN.replace("똠방", ""), "iso-2022-kr", "iso2022_kr"),
    ],
)
def test_declared_encodings_are_read_as_in_browsers(text: str, label: str, encoding: str) -> None:
    assert text in page_html(spelled(text, encoding, label))
    assert text in page_html(spelled(text, encoding), label.upper())
    assert text in page_html(spelled(text, encoding, label), "utf-8")


@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, THAI, JAPANESE, CHINESE, KOREAN, ARABIC, POLISH])
def test_utf_16_is_known_by_its_mark_or_its_first_tag(text: str) -> None:
    page = spelled(text, "utf-8", "utf-16").decode()
    for start in ("", "\ufeff", "\n ", "<!DOCTYPE html>\n"):
        for encoding in ("utf-16-le", "utf-16-be"):
            assert text in page_html((start + page).encode(encoding))
            assert text in page_html((start + page).encode(encoding), "utf-8")


def test_utf_7_is_refused_as_in_browsers() -> None:
    page = b"<meta charset=utf-7><p>+ADw-script+AD4-</p>"
    assert page_html(page) == page_html(page, "utf-7") == page.decode()


def test_a_text_in_utf_8_that_was_encoded_twice_is_read_as_it_is() -> None:
    twice = GERMAN.encode().decode("cp1252", "ignore")
    assert twice in page_html(spelled(twice, "utf-8", "utf-8"))


def test_stray_bytes_in_utf_8_are_counted_and_replacements_of_the_author_are_not() -> None:
    page = spelled(RUSSIAN * 3 + " \ufffd | |", "utf-8", "utf-8").replace(b"|", b"\xe9")
    text, replaced = decoded(page, "windows-1252")
    assert RUSSIAN * 3 + " \ufffd \ufffd \ufffd" in text and replaced == 2
    assert decoded(spelled(GERMAN, "cp1252", "utf-8"))[1] == 0
