"""Markup of languages that are written in several ways: `-{zh-hans:X;zh-hant:Y}-`.

https://www.mediawiki.org/wiki/Writing_systems/Syntax

Choices:
- One text is taken: that for the language itself, else the first in the order of `ORDER`, which is
  that of MediaWiki's fallbacks: simplified characters for Chinese, Cyrillic for Serbian. So a
  corpus has one form of a word, however a page lists its forms. Else the first that isn't empty.
- Rules that only convert the rest of a page or its title (flags H, T, -) show nothing; the rest of
  the page is not converted.
- In a dump of any other language `-{` is text. Where the language isn't known, it is markup if
  there is a flag or a rule for a known language inside.
"""

import re

ORDER = {
    "ban": ("ban-x-dharma", "ban-x-palmleaf", "ban-x-pku", "ban-latn", "ban-bali"),
    "crh": ("crh-latn", "crh-cyrl", "crh-ro"),
    "gan": ("gan-hans", "gan-hant"),
    "iu": ("ike-cans", "ike-latn"),
    "kk": ("kk-cyrl", "kk-latn", "kk-arab", "kk-kz", "kk-tr", "kk-cn"),
    "ku": ("ku-latn", "ku-arab"),
    "mni": ("mni-mtei", "mni-beng"),
    "sh": ("sh-latn", "sh-cyrl"),
    "shi": ("shi-tfng", "shi-latn"),
    "sr": ("sr-ec", "sr-cyrl", "sr-el", "sr-latn"),
    "tg": ("tg-cyrl", "tg-latn"),
    "tly": ("tly-latn", "tly-cyrl"),
    "uz": ("uz-latn", "uz-cyrl"),
    "wuu": ("wuu-hans", "wuu-hant"),
    "zgh": ("zgh-tfng", "zgh-latn"),
    "zh": ("zh-hans", "zh-cn", "zh-sg", "zh-my", "zh-hant", "zh-tw", "zh-hk", "zh-mo"),
}
CODES = {
    code: rank for language, codes in ORDER.items() for rank, code in enumerate((language, *codes))
}
"""Every variant, and its rank among those of its language."""
HIDDEN = {"H", "T", "-"}
FLAGS = {*HIDDEN, "A", "D", "N", "R", "S", "+"}
CODE = "(?:" + "|".join(sorted(map(re.escape, CODES), key=len, reverse=True)) + ")"
RULE_START = re.compile(rf"(?:^|;)\s*(?:[^;<>]{{0,200}}?=>\s*)?({CODE})\s*:", re.IGNORECASE)


def has_variants(language: str) -> bool | None:
    """Return whether a language has variants; None if it isn't known.

    >>> has_variants("sr"), has_variants("zh-min-nan"), has_variants("")
    (True, False, None)
    """
    return (language in CODES) if language else None


def variant_text(inside: str, *, certain: bool = True) -> str | None:
    """Return the text that markup shows; None if it may not be markup, and that isn't certain.

    >>> variant_text("zh-hant:電腦;zh-hans:计算机"), variant_text("R|乾隆"), variant_text("H|zh:x")
    ('计算机', '乾隆', '')
    """
    before, bar, rules = inside.partition("|")
    named = {flag.strip() for flag in before.split(";")} - {""}
    flags = (
        {flag for flag in named if flag.upper() in FLAGS or flag.lower() in CODES}
        if bar
        else set[str]()
    )
    texts = _rules(inside if not bar else rules)
    if not certain and not flags and not texts:
        return None
    kinds = {flag.upper() for flag in flags}
    if not bar or (not flags and not texts):
        rules = inside
    if "R" in kinds:
        return rules
    # A title rule that is also for the page (A) shows its text; a hidden one never does.
    if kinds & {"H", "-"} or ("T" in kinds and "A" not in kinds):
        return ""
    if not texts:
        return rules
    return min(texts, key=lambda rule: (not rule[1], rule[0]))[1]


def _rules(text: str) -> list[tuple[int, str]]:
    """Return the rank and the text of each rule `code:text` or `from=>code:text`."""
    starts = list(RULE_START.finditer(text))
    if not starts or text[: starts[0].start()].strip():
        return []
    ends = [following.start() for following in starts[1:]] + [len(text)]
    return [
        (CODES[start[1].lower()], text[start.end() : end].strip().rstrip(";").rstrip())
        for start, end in zip(starts, ends, strict=True)
    ]
