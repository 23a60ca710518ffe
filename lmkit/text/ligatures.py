"""Ligatures and letter forms that stand for letters: what typesetting leaves in text.

Choice: only characters that are nothing but a form of other letters are expanded. Unicode's NFKC
does that too, but it also makes x² x2, and ㎏ kg.
"""

import unicodedata

LETTER_FORMS = {"<initial>", "<medial>", "<final>", "<isolated>"}


def _expansions() -> dict[int, str]:
    # Latin, Armenian, and the Hebrew ligature of alef and lamed.
    found = {*range(0xFB00, 0xFB07), *range(0xFB13, 0xFB18), 0xFB4F}
    # Arabic letters by their form in a word, with those of lam and alef. The ligatures of whole
    # words and the signs after them (U+FC00 to U+FDFF) are written on purpose.
    for code in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        if unicodedata.decomposition(chr(code)).partition(" ")[0] in LETTER_FORMS:
            found.add(code)
    return {code: unicodedata.normalize("NFKC", chr(code)) for code in sorted(found)}


EXPANSIONS = _expansions()
"""What each ligature stands for, as `str.translate` takes it."""


def expand_ligatures(text: str) -> str:
    """Return a text with its ligatures written as letters.

    >>> expand_ligatures("of\ufb01ce, \ufb04, x²")
    'office, ffl, x²'
    """
    return text if text.isascii() else text.translate(EXPANSIONS)
