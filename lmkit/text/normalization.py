"""Writing the same text in the same way.

Choices:
- NFC, not NFKC, by default: NFKC also rewrites what a text says (x² becomes x2).
- White space that means something survives: line breaks, indentation, tabs, runs of spaces. What
  goes is what no reader can see: spaces at line ends, blank lines beyond two, exotic spaces.
- Half a surrogate pair, which a JSON escape can bring in, is no text: it becomes U+FFFD.
- Mojibake is mended by ftfy (Speer, 2019), line by line, and only where its own cheap test suspects
  some: most texts are pure ASCII or pass that test, and go by untouched.
- Normalizing twice changes nothing more: what one rule does may give another one work, so a text
  that was changed goes through them again until it stays as it is. Trimming, which comes last,
  gives the others none, but where ftfy may judge a trimmed line otherwise.
"""

import re
import unicodedata
from functools import cache
from html import unescape
from typing import Literal

from lmkit.text.options import NormalizationConfig

# Soft hyphens, zero-width joiners and directional marks are left: scripts and emoji need them.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]")
LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
EXOTIC_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
RUNS = re.compile(r"[ \t]+")
SURROGATES = re.compile(r"[\ud800-\udfff]")
DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
MARKS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
QUOTES = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\uff07\u2039\u203a"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\uff02\u00ab\u00bb"), '"'),
}
ODD = re.compile(f"{CONTROL.pattern}|{LINE_ENDS.pattern}|{EXOTIC_SPACES.pattern}")
SPACES_FOR_ASCII = b" " * 0x80 + bytes(range(0x80, 0x100))
ASCII_CONTROLS = bytes(n for n in range(0x80) if CONTROL.match(chr(n)))
MOST_ROUNDS = 20
CODE_PAGES = (
    *("latin-1", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859-2"),
    *("mac_roman", "cp437"),
)
"""Those that ftfy knows. A character of UTF-8 that was read in one of them is a pair: what a first
byte stands for there, and what a following byte does. Controls stand for what has no character."""


@cache
def _pairs() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return a quick pattern with a few false alarms, and an exact one, for such pairs."""

    def spelled(page: str, first: int, last: int) -> str:
        known = bytes(range(first, last + 1)).decode(page, "ignore")
        return known + ("".join(map(chr, range(0x80, 0xA0))) if first == 0x80 else "")

    firsts = [spelled(page, 0xC2, 0xF4) for page in CODE_PAGES]
    others = [spelled(page, 0x80, 0xBF) for page in CODE_PAGES]
    # U+00A0, the following byte of à, is often turned into a space on the way.
    # Controls of the C1 range come from code page 1252, read as Latin-1.
    either = "[\u00c2\u00c3\u0413\u0420](?:[ ]|$)|[\u0080-\u009f]"
    quick = f"[{re.escape(''.join(firsts))}][{re.escape(''.join(others))}]|{either}"
    exact = [f"[{re.escape(a)}][{re.escape(b)}]" for a, b in zip(firsts, others, strict=True)]
    return re.compile(quick), re.compile("|".join([*exact, either]))


def may_be_mojibake(text: str) -> bool:
    """Tell whether a text holds what UTF-8 looks like in an old code page; often it's fine.

    >>> may_be_mojibake("cafÃ©"), may_be_mojibake("a “naïve café — or not”")
    (True, False)
    """
    quick, exact = _pairs()
    found = quick.search(text)
    return found is not None and exact.search(text, found.start()) is not None


def normalize(text: str, rules: NormalizationConfig) -> str:
    r"""Apply the rules to a text.

    >>> normalize("  if x:\r\n      y = 1 \n", NormalizationConfig())
    '  if x:\n      y = 1'
    """
    for _ in range(MOST_ROUNDS):
        if rules.space and "\r" in text:
            text = text.replace("\r\n", "\n")  # many times as fast as a pattern
        changed, suspicious = _apply(text, rules)
        tidied = _tidy(changed, rules.space) if rules.space else changed
        if tidied == text or (tidied.isascii() and not _more_to_do(rules)):
            return tidied
        only_trimmed = changed == text and rules.space == "tidy" and "\r" not in text
        if only_trimmed and not suspicious:
            return tidied
        text = tidied
    return text


def _more_to_do(rules: NormalizationConfig) -> bool:
    """Tell whether one round may leave work for another, even in pure ASCII."""
    return rules.entities


def _apply(text: str, rules: NormalizationConfig) -> tuple[str, bool]:
    """Apply all rules but for white space; tell whether there was anything like mojibake."""
    suspicious = False
    if rules.entities:
        text = _without_entities(text)
    data = text.encode("utf-8", "surrogatepass")
    if rules.control and len(data.translate(None, ASCII_CONTROLS)) != len(data):
        text = CONTROL.sub("", text)
    # The few characters beyond ASCII, and which of them are neighbours, tell what there is to do.
    if not text.isascii():
        beyond = b" ".join(data.translate(SPACES_FOR_ASCII).split()).decode(
            "utf-8", "surrogatepass"
        )
        text = SURROGATES.sub("\ufffd", text) if SURROGATES.search(beyond) else text
        suspicious = rules.mojibake and _pairs()[0].search(beyond) is not None
        if suspicious and may_be_mojibake(beyond) and may_be_mojibake(text):
            text = "\n".join(_mended(line) for line in text.split("\n"))
        text = _apply_beyond_ascii(text, beyond, rules)
    return text.lower() if rules.lowercase else text, suspicious


def _apply_beyond_ascii(text: str, beyond: str, rules: NormalizationConfig) -> str:
    # Spaces come last: removing a control character or unifying look-alikes can leave some.
    odd = ODD.search(beyond)
    if odd and rules.space:
        text = LINE_ENDS.sub("\n", text)
    if odd and rules.control:
        text = CONTROL.sub("", text)
    if rules.quotes:
        text = text.translate(QUOTES)
    if rules.dashes:
        text = DASHES.sub("-", text)
    if rules.accents:
        text = unicodedata.normalize("NFC", MARKS.sub("", unicodedata.normalize("NFD", text)))
    if rules.unicode:
        text = unicodedata.normalize("NFC" if rules.unicode == "nfc" else "NFKC", text)
    return EXOTIC_SPACES.sub(" ", text) if odd and rules.space else text


def _mended(line: str) -> str:
    from ftfy import fix_encoding  # slow to load, and most runs never need it

    return fix_encoding(line) if may_be_mojibake(line) else line


def _without_entities(text: str) -> str:
    """Replace entities until there are none left."""
    while "&" in text:
        plain = unescape(text)
        if plain == text:
            break
        text = plain
    return text


def _tidy(text: str, how: Literal["tidy", "collapse"]) -> str:
    if "\r" in text:
        text = LINE_ENDS.sub("\n", text)
    if how == "collapse":
        text = RUNS.sub(" ", text)
    # Not a pattern: "[ \t]+$" takes quadratic time on a long run of spaces inside a line.
    if " \n" in text or ("\t" in text and "\t\n" in text):  # one character is found faster
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    while "\n\n\n\n" in text:  # a run is a third shorter each time, so this takes linear time
        text = text.replace("\n\n\n\n", "\n\n\n")
    # What is at the end of the last line is invisible as well, and then what is behind the text.
    while (trimmed := text.rstrip(" \t").strip("\n")) != text:
        text = trimmed
    return text
