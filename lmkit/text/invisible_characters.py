"""Characters that no reader sees: soft hyphens, zero-width spaces, joiners, directional marks.

Choices:
- Soft hyphens and word joiners only say where a line may be broken. They are in no word.
- So do zero-width spaces. But in Thai, Lao, Khmer, Burmese and their relatives, which are written
  without spaces, they are the marks between words.
- Joiners shape Persian and Indic words and emoji, directional marks order Hebrew and Arabic,
  variation selectors choose a form. Without them a text may look different, so they are kept unless
  asked for; but two texts that differ only in them are copies of each other.
- White space isn't meant here: it separates words.
"""

import re

IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's default-ignorable code points, the blank of Braille, and annotation marks."""
VISIBLE = re.compile(rf"[^\s\x00-\x1f\x7f-\x9f{IGNORABLE}]")
KINDS = {
    "soft_hyphens": "\u00ad",
    "zero_width_spaces": "\u200b",
    "word_joiners": "\u2060",
    "byte_order_marks": "\ufeff",
    "joiners": "\u034f\u200c\u200d",
    "directional_marks": "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069",
    "variation_selectors": "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef",
    "invisible_operators": "\u2061-\u2064",
}
"""The characters of each kind, as a regular expression takes them."""
SOFT = ("soft_hyphens", "zero_width_spaces", "word_joiners", "byte_order_marks")
"""The kinds that are never part of a word."""
BREAKING = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf"
)
"""Thai, Lao, Burmese, Khmer, Tai Le, New Tai Lue, Tai Tham and Tai Viet."""
INVISIBLE = re.compile(f"[{''.join(KINDS.values())}]")
_SOFT = re.compile(f"[{''.join(KINDS[kind] for kind in SOFT)}]")
_SPACES = re.compile(rf"(?<![{BREAKING}])(?<!\u200b)\u200b+(?![{BREAKING}\u200b])")
_COUNTED = {kind: re.compile(f"[{characters}]+") for kind, characters in KINDS.items()}
ASCII = bytes(range(0x80))


def is_visible(text: str) -> bool:
    r"""Tell whether a text has a visible character.

    >>> is_visible("\u200b\ufeff\u00ad \n"), is_visible("\u200b.")
    (False, True)
    """
    return VISIBLE.search(text) is not None


def without_invisible(text: str) -> str:
    r"""Return a text without any of these characters, as it is compared with others.

    >>> without_invisible("Leucht\u00adturm, \u0645\u06cc\u200c\u062e")
    'Leuchtturm, \u0645\u06cc\u062e'
    """
    if text.isascii():
        return text
    # The few characters beyond ASCII are searched many times faster than the text.
    data = text.encode("utf-8", "surrogatepass").translate(None, ASCII)
    return (
        INVISIBLE.sub("", text) if INVISIBLE.search(data.decode("utf-8", "surrogatepass")) else text
    )


def removed_invisible(text: str, *, soft_only: bool) -> tuple[str, dict[str, int]]:
    r"""Remove invisible characters from a text; return it, and how many of each kind there were.

    >>> removed_invisible("Leucht\u00adturm\u200bs", soft_only=True)
    ('Leuchtturms', {'soft_hyphens': 1, 'zero_width_spaces': 1})
    """
    counts: dict[str, int] = {}
    if not (_SOFT if soft_only else INVISIBLE).search(text):
        return text, counts
    for kind in SOFT if soft_only else KINDS:
        pattern = _SPACES if kind == "zero_width_spaces" else _COUNTED[kind]
        before = len(text)
        text = pattern.sub("", text)
        if len(text) < before:
            counts[kind] = before - len(text)
    return text, counts
