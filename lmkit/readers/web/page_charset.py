"""The character set of a page, and its text.

Choices:
- The character set is the first of these that fits the bytes: the byte-order mark, UTF-8, what the
  server declared, what the page declares, what is detected (uchardet). Servers and pages often
  declare a character set that the bytes refute, and what is valid UTF-8 is almost never anything
  else.
- UTF-8 with some bad bytes is still UTF-8, and bytes that don't fit become U+FFFD, as in browsers:
  nothing is left out.
- Labels have the meaning that they have in browsers (https://encoding.spec.whatwg.org): latin1 is
  windows-1252, and gb2312 is all of GB 18030.
"""

import codecs
import re

from resiliparse.parse.encoding import EncodingDetector, map_encoding_to_html5

UTF16_TAG = re.compile(rb"(?:[\t\n\r ]\0)*(<\0)[!?/A-Za-z]\0|(?:\0[\t\n\r ])*\0<\0[!?/A-Za-z]")
META_CHARSET = re.compile(rb"<meta\b[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
XML_CHARSET = re.compile(rb"\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)")
CHARSET_WITHIN = 16 << 10
"""Browsers read the first 1,024 bytes, but find a later declaration too when they parse."""
TAG = re.compile(rb"<[^>]{0,1000}>")
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
WIDER = {
    "shift_jis": "cp932",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-11": "cp874",
}
"""Python's names for the supersets, with vendors' characters, that browsers use for these."""
MORE_LABELS = {
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic",
    "x-user-defined": "cp1252",
    "iso-2022-kr": "iso2022_kr",
    "csiso2022kr": "iso2022_kr",
}
"""Labels that browsers know beside resiliparse, or did before they refused these encodings."""
OTHER_NAMES = {"cp949": "euc-kr", "koi8-r": "koi8-u"}
"""Browsers' names for encodings that uchardet detects; koi8-u has all letters of koi8-r."""
WINDOWS_VARIANTS = {
    "iso8859-2": "cp1250",
    "iso8859-6": "cp1256",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-13": "cp1257",
    "iso8859-15": "cp1252",
}
"""The real encoding if there are bytes that are control characters in the declared one."""
C1 = re.compile(rb"[\x80-\x9f]")
DETECTED_BYTES = 1 << 20
MAX_BAD_FRACTION = 0.05
"""Maximum fraction of bad characters in bytes that fit an encoding: pages have a few."""
MISDETECTED_WESTERN = {
    "cp1250",
    "cp1254",
    "cp1257",
    "cp1258",
    "iso8859-2",
    "iso8859-3",
    "iso8859-4",
} | {f"iso8859-{number}" for number in (10, 13, 14, 16)}
"""Encodings that uchardet returns for short pages in windows-1252."""
NOT_WESTERN = {
    "az",
    "bs",
    "cs",
    "cy",
    "eo",
    "et",
    "hr",
    "hu",
    "ku",
    "lt",
    "lv",
    "mt",
    "pl",
    "ro",
    "sk",
    "sl",
    "sq",
    "sr",
    "tk",
    "tr",
    "vi",
}
"""Languages in Latin script whose pages aren't in windows-1252."""
PAGE_LANGUAGE = re.compile(rb"<html\b[^>]{0,500}?\blang\s*=\s*[\"']?\s*([a-z]{2})", re.IGNORECASE)


def page_html(data: bytes, charset: str | None = None) -> str:
    """Decode a page. `charset` is what a server declared.

    >>> page_html("<p>früh".encode("latin-1"), "utf-8"), page_html("<p>früh".encode(), "latin1")
    ('<p>früh', '<p>früh')
    """
    return decoded(data, charset)[0]


def decoded(data: bytes, charset: str | None = None) -> tuple[str, int]:
    """Decode a page; return also how many characters became U+FFFD."""
    text = _decoded(data, charset)
    if "\ufffd" not in text:
        return text, 0
    return text, max(0, text.count("\ufffd") - data.count(b"\xef\xbf\xbd"))


def is_utf16(data: bytes) -> bool:
    """Return whether a page is in UTF-16, by its mark or its first tag.

    >>> is_utf16("<p>é".encode("utf-16-be")), is_utf16("<p>é".encode())
    (True, False)
    """
    return data.startswith((b"\xff\xfe", b"\xfe\xff")) or UTF16_TAG.match(data) is not None


def _decoded(data: bytes, charset: str | None) -> str:
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig", "replace")
    if is_utf16(data):
        tag = UTF16_TAG.match(data)
        mark = "utf-16" if tag is None else "utf-16-le" if tag[1] else "utf-16-be"
        return data.decode(mark, "replace")
    if b"\x1b" not in data and data.isascii():  # ISO-2022 encodes other characters in ASCII
        return data.decode("ascii")
    declared = _declared(data, charset)
    if data.isascii():
        declared = [each for each in declared if each.startswith("iso2022")]
        return data.decode([*declared, "utf-8"][0], "replace")
    text, good, bad = _utf8(data)
    if _is_utf8(good, bad, declared[0] if declared else "utf-8"):
        return text
    for encoding in declared:
        found = (
            _decode_if_fitting(data, encoding)
            if encoding != "utf-8"
            else text
            if good > bad
            else None
        )
        if found is not None:
            return found
    if good > bad:
        return text
    detected = _detected(data)
    is_unlikely = detected == "cp1252" and _is_mostly_non_ascii(data)
    found = None if is_unlikely else _decode_if_fitting(data, detected)
    return found if found is not None else data.decode([*declared, "utf-8"][0], "replace")


def _declared(data: bytes, charset: str | None) -> list[str]:
    """Return the encodings that a server and then the page declare, in Python's names."""
    start = data[:CHARSET_WITHIN]
    labels = [charset or ""]
    for found in (XML_CHARSET.match(start), _meta(start)):
        if found:
            labels.append(found[1].decode("ascii", "replace"))
    encodings: list[str] = []
    for label in labels:
        label = label.strip(" \t\"'").lower()
        encoding = MORE_LABELS.get(label) or map_encoding_to_html5(label, fallback_utf8=False)
        if encoding and encoding.startswith("utf-16") and b"\0" not in data:
            encoding = "utf-8"  # as browsers do: what was readable so far isn't UTF-16
        if encoding:
            encodings.append(WIDER.get(encoding, encoding))
    return list(dict.fromkeys(encodings))


def _meta(start: bytes) -> re.Match[bytes] | None:
    found = META_CHARSET.search(start)
    if found and start.find(b"<!--", 0, found.start()) >= 0:
        found = META_CHARSET.search(COMMENT.sub(b"", start))
    return found


def _utf8(data: bytes) -> tuple[str, int, int]:
    """Decode bytes as UTF-8: return the text, and the numbers of its good and bad characters.

    If none is bad, continuation bytes are counted instead of good characters: that takes no time.
    """
    text, used = codecs.utf_8_decode(data, "replace", False)
    if "\ufffd" not in text:
        # A page that is truncated within its last character has no bad one.
        return text + "\ufffd" * (used < len(data)), used - len(text), 0
    bad = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")  # those that the author wrote
    return text + "\ufffd" * (used < len(data)), _non_ascii(text) - bad, bad


def _is_utf8(good: int, bad: int, declared: str) -> bool:
    """Return whether bytes are UTF-8, by the numbers of good and bad characters.

    Latin-1 and Cyrillic encodings produce almost no good characters by chance, so a few are proof;
    Chinese and Korean ones produce one in six, so a page of a few words may be valid UTF-8.
    """
    if declared != "utf-8" and _is_multibyte(declared):
        return not bad and good >= 3
    return good > bad or not bad


def _is_multibyte(encoding: str) -> bool:
    return encoding.startswith(("utf", "euc", "cp9", "gb", "big5", "iso2022"))


def _decode_if_fitting(data: bytes, encoding: str) -> str | None:
    """Return the bytes decoded with an encoding, None if they don't fit it."""
    text = data.decode(encoding, "replace")
    bad = text.count("\ufffd")
    return text if not bad or bad <= MAX_BAD_FRACTION * _non_ascii(text) else None


def _detected(data: bytes) -> str:
    """Return the detected encoding of bytes; the web's most frequent one if none is detected."""
    detector = EncodingDetector()
    detector.update(data[:DETECTED_BYTES])
    name = detector.encoding(html5_compatible=False) or ""
    encoding = map_encoding_to_html5(OTHER_NAMES.get(name, name), fallback_utf8=False)
    language = PAGE_LANGUAGE.search(data[:CHARSET_WITHIN])
    if (
        encoding in MISDETECTED_WESTERN
        and language
        and language[1].decode().lower() not in NOT_WESTERN
    ):
        encoding = None
    if encoding in WINDOWS_VARIANTS and C1.search(data):
        encoding = WINDOWS_VARIANTS[encoding]
    return WIDER.get(encoding or "", encoding or "cp1252")


def _is_mostly_non_ascii(data: bytes) -> bool:
    """Return whether most bytes outside tags aren't ASCII: no text in Latin script is so."""
    text = b"".join(TAG.sub(b"", data).split())
    return sum(byte > 127 for byte in text[:DETECTED_BYTES]) > len(text[:DETECTED_BYTES]) / 2


def _non_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))
