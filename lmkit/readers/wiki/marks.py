"""Characters that stand for something while markup is removed.

Choice: control characters that XML doesn't allow, so no dump can hold them; where text comes from
elsewhere they are removed first.
"""

import re

from lmkit.text.unspaced_scripts import UNSPACED_CLASS

SAVED, SAVED_END = "\x01", "\x02"
"""Around the number of a text that is set aside."""
BAR = "\x03"
"""A `|` from a template: it divides no parameters, but cells."""
REMOVED = "\x04"
"""Something visible was removed: words on its sides stay apart."""
UNSEEN = "\x05"
"""Something was removed that shows nothing, or only a mark such as [1]."""
CELL = "\x06"
"""The border of two cells."""
GUARD = "\x07"
"""At the start of a line: its first character is text, not the sign of a list."""
ALL = re.compile("[\x01-\x07]")
SAVED_TEXT = re.compile("\x01(\\d+)\x02")
GAP = re.compile(r"[\x04\x05](?:[ \t]*[\x04\x05])*[ \t]*(?:([,;.])([ \t]*))?")
# Scripts that separate no words by blanks, with their punctuation.
UNSPACED = re.compile(rf"[{UNSPACED_CLASS}\u2e80-\u303f\u3200-\u33ff\ua000-\ua4cf\uff00-\uffef]")


class SavedTexts:
    """Texts that later steps must not change, and their stand-ins."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def save(self, text: str) -> str:
        """Return the stand-in of a text."""
        self._texts.append(text)
        return f"{SAVED}{len(self._texts) - 1}{SAVED_END}"

    def restore(self, text: str) -> str:
        """Put all texts back; one may hold the stand-ins of earlier ones."""
        while SAVED in text:
            text = SAVED_TEXT.sub(lambda found: self._texts[int(found[1])], text)
        return text


def close_gaps(text: str) -> str:
    r"""Remove the marks of what was removed, with the blanks and commas that would stay around it.

    >>> close_gaps("with \x04, and (\x04) of \x04.")
    'with, and () of.'
    """
    parts: list[str] = []
    position, last = 0, "\n"
    for gap in GAP.finditer(text):
        before = text[position : gap.start()]
        position = gap.end()
        kept = before.rstrip(" \t")
        last = kept[-1:] or last
        closed = _closed(gap, last, len(kept) < len(before))
        if not kept and parts and parts[-1].endswith(" "):  # a blank after the gap before
            closed = closed.lstrip(" ")
        last = closed.rstrip(" \t")[-1:] or last
        parts += [kept, closed]
    return "".join([*parts, text[position:]]) if parts else text


def _closed(gap: re.Match[str], before: str, had_blank: bool) -> str:
    """Return what stays in a gap."""
    text, end = gap.string, gap.end()
    after = text[end] if end < len(text) else "\n"
    if gap[1]:
        if before in "([\n" and gap[1] != ".":
            return ""
        is_double = before in (",;:" if gap[1] != "." else ".")
        is_name = gap[1] == "." and not gap[2] and after.isalnum()  # .NET
        is_apart = gap[1] == ";" and text[gap.start(1) - 1] in " \t"  # as French writes it
        blank = " " if had_blank and (is_name or is_apart) else ""
        return blank + ("" if is_double else gap[1]) + gap[2]
    if before in "\n([" or after in "\n,.)]":
        return ""
    blank_after = text[end - 1] in " \t"
    if had_blank or blank_after:
        # French sets a blank before these; one on the left alone belonged to what is gone.
        return "" if after in ";:!?%" and not blank_after else " "
    if UNSPACED.match(before) or UNSPACED.match(after):
        return ""
    if REMOVED in gap[0]:
        return " " if before.isalnum() and after.isalnum() else ""
    return " " if before in ".!?;:," and after.isalpha() else ""
