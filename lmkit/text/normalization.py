"""Normalization: the same text is always represented by the same characters.

Choices:
- NFC, not NFKC, by default: NFKC also changes the meaning of a text (x² becomes x2).
- White space that carries meaning is kept: line breaks, indentation, tabs, runs of spaces. Only
  what no reader can see is removed: spaces at line ends, blank lines beyond two, exotic spaces.
- An unpaired surrogate, which a JSON escape can produce, is no text: it becomes U+FFFD.
- Mojibake is repaired by ftfy (Speer, 2019), line by line, and only where a fast test suspects
  some: most texts are pure ASCII or pass that test, and are left unchanged.
- Soft hyphens and other characters that are in no word are removed after the repair of mojibake:
  U+00AD is also half of a wrongly decoded í. What is removed or expanded is counted.
- Normalization is idempotent: one rule can produce input for another, so a text that was changed is
  processed again until it no longer changes. Trimming, which comes last, produces none, except
  where ftfy may treat a trimmed line differently.
"""

import re
from collections import Counter
from functools import cache
from html import unescape
from typing import Literal

from lmkit.text.canonical_form import canonical_form
from lmkit.text.invisible_characters import INVISIBLE, removed_invisible
from lmkit.text.ligatures import EXPANSIONS
from lmkit.text.options import NormalizationConfig

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]")
LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
EXOTIC_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
RUNS = re.compile(r"[ \t]+")
SURROGATES = re.compile(r"[\ud800-\udfff]")
DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
ACCENTS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
MAYBE_NOT_NFC = re.compile(
    r"[^\x00-\u02ff\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e"
    r"\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]"
)
"""All but common characters that NFC neither changes nor joins to the one before."""
QUOTES = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\uff07\u2039\u203a"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\uff02\u00ab\u00bb"), '"'),
}
LIGATURES = re.compile(f"[{''.join(map(chr, EXPANSIONS))}]")
UNUSUAL = re.compile(f"{CONTROL.pattern}|{LINE_ENDS.pattern}|{EXOTIC_SPACES.pattern}")
SPACES_FOR_ASCII = b" " * 0x80 + bytes(range(0x80, 0x100))
ASCII_CONTROLS = bytes(n for n in range(0x80) if CONTROL.match(chr(n)))
MAX_ROUNDS = 20
CODE_PAGES = (
    "latin-1",
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1257",
    "iso8859-2",
    "mac_roman",
    "cp437",
)
"""The ones that ftfy knows. A UTF-8 character that was decoded with one of them is a pair: the
character of a lead byte, and that of a continuation byte. Control characters stand for bytes that
have no character."""


@cache
def _pairs() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return a fast pattern with some false positives, and an exact one, for such pairs."""

    def decoded(page: str, first: int, last: int) -> str:
        known = bytes(range(first, last + 1)).decode(page, "ignore")
        return known + ("".join(map(chr, range(0x80, 0xA0))) if first == 0x80 else "")

    firsts = [decoded(page, 0xC2, 0xF4) for page in CODE_PAGES]
    others = [decoded(page, 0x80, 0xBF) for page in CODE_PAGES]
    # U+00A0, the continuation byte of à, has often been replaced by a space.
    # Controls of the C1 range come from code page 1252, read as Latin-1.
    either = "[\u00c2\u00c3\u0413\u0420](?:[ ]|$)|[\u0080-\u009f]"
    quick = f"[{re.escape(''.join(firsts))}][{re.escape(''.join(others))}]|{either}"
    exact = [f"[{re.escape(a)}][{re.escape(b)}]" for a, b in zip(firsts, others, strict=True)]
    return re.compile(quick), re.compile("|".join([*exact, either]))


def may_be_mojibake(text: str) -> bool:
    """Tell whether a text may contain UTF-8 that was decoded with a legacy code page.

    >>> may_be_mojibake("cafÃ©"), may_be_mojibake("a “naïve café — or not”")
    (True, False)
    """
    quick, exact = _pairs()
    found = quick.search(text)
    return found is not None and exact.search(text, found.start()) is not None


def normalize(text: str, rules: NormalizationConfig, counts: Counter[str] | None = None) -> str:
    r"""Apply the rules to a text; add what was removed or expanded to the counts.

    >>> normalize("  if x:\r\n      y = 1 \n", NormalizationConfig())
    '  if x:\n      y = 1'
    """
    counts = Counter[str]() if counts is None else counts
    for _ in range(MAX_ROUNDS):
        if rules.space and "\r" in text:
            text = text.replace("\r\n", "\n")  # many times faster than a regular expression
        changed, suspicious = _apply(text, rules, counts)
        tidied = _tidy(changed, rules.space) if rules.space else changed
        if tidied == text or (tidied.isascii() and not _needs_another_round(rules)):
            return tidied
        only_trimmed = changed == text and rules.space == "tidy" and "\r" not in text
        if only_trimmed and not suspicious:
            return tidied
        text = tidied
    return text


def _needs_another_round(rules: NormalizationConfig) -> bool:
    """Tell whether one round may produce input for another, even in pure ASCII."""
    return rules.entities


def _apply(text: str, rules: NormalizationConfig, counts: Counter[str]) -> tuple[str, bool]:
    """Apply all rules except white space; tell whether there was possible mojibake."""
    suspicious = False
    if rules.entities:
        text = _without_entities(text)
    data = text.encode("utf-8", "surrogatepass")
    if rules.control and len(data.translate(None, ASCII_CONTROLS)) != len(data):
        text = CONTROL.sub("", text)
    # The few characters beyond ASCII, and which of them are adjacent, decide which rules apply.
    if not text.isascii():
        runs = {*data.translate(SPACES_FOR_ASCII).split()}  # there are few different ones
        beyond = b" ".join(runs).decode("utf-8", "surrogatepass")
        text = SURROGATES.sub("\ufffd", text) if SURROGATES.search(beyond) else text
        suspicious = rules.mojibake and _pairs()[0].search(beyond) is not None
        if suspicious and may_be_mojibake(beyond) and may_be_mojibake(text):
            text = "\n".join(_without_mojibake(line) for line in text.split("\n"))
        is_nfc = not suspicious and MAYBE_NOT_NFC.search(beyond) is None
        text = _apply_beyond_ascii(text, beyond, rules, counts, is_nfc=is_nfc)
    return text.lower() if rules.lowercase else text, suspicious


def _apply_beyond_ascii(
    text: str, beyond: str, rules: NormalizationConfig, counts: Counter[str], *, is_nfc: bool
) -> str:
    if rules.invisible and INVISIBLE.search(beyond):
        text, removed = removed_invisible(text, soft_only=rules.invisible == "soft")
        counts.update({f"removed_{kind}": count for kind, count in removed.items()})
    if rules.ligatures and LIGATURES.search(beyond):
        text, expanded = LIGATURES.subn(lambda found: EXPANSIONS[ord(found[0])], text)
        counts["expanded_ligatures"] += expanded
    # Spaces come last: removing control characters or unifying look-alikes can produce some.
    unusual = UNUSUAL.search(beyond)
    if unusual and rules.space:
        text = LINE_ENDS.sub("\n", text)
    if unusual and rules.control:
        text = CONTROL.sub("", text)
    if rules.quotes:
        text = text.translate(QUOTES)
    if rules.dashes:
        text = DASHES.sub("-", text)
    if rules.accents:
        text = canonical_form("NFC", ACCENTS.sub("", canonical_form("NFD", text)))
    if rules.unicode and not (rules.unicode == "nfc" and is_nfc):
        text = canonical_form("NFC" if rules.unicode == "nfc" else "NFKC", text)
    return EXOTIC_SPACES.sub(" ", text) if unusual and rules.space else text


def _without_mojibake(line: str) -> str:
    from ftfy import fix_encoding  # slow to load, and most runs never need it

    return fix_encoding(line) if may_be_mojibake(line) else line


def _without_entities(text: str) -> str:
    """Replace HTML entities until there are none left."""
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
    # No regular expression: "[ \t]+$" takes quadratic time on a long run of spaces inside a line.
    if " \n" in text or ("\t" in text and "\t\n" in text):  # one character is found faster
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    while "\n\n\n\n" in text:  # a run is a third shorter each time, so this takes linear time
        text = text.replace("\n\n\n\n", "\n\n\n")
    # Space at the end of the last line is invisible as well, and then so are the line feeds before.
    while (trimmed := text.rstrip(" \t").strip("\n")) != text:
        text = trimmed
    return text
