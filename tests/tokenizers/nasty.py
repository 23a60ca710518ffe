"""Texts that tokenizers are known to change."""

from lmkit.tokenizers.special_tokens import special_tokens

BASIC_PLANE = [chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000]

NASTY = [
    "",
    " ",
    "\n",
    "\0",
    "a\0b",
    "  two before, two behind  ",
    "\t\ttabs\tand\r\nlines\r\rof\n\n\nevery kind \u2028 \u2029 \x85 \x0b",
    "no-break\u00a0 thin\u2009 zero\u200bwidth \ufeff mark",
    "don't DON'T we'll ,comma .stop 's",
    "e\u0301 is not \u00e9",
    "1234567890 ١٢٣٤ ½ ⅷ",
    "日本語のテキスト。中文\uff0c한국어 ไทย हिन्दी עברית",
    "\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1f3\U0001f1f1 \U0010ffff",
    "<0x0A> <0xFF> Ġ Ċ ▁ ## [CLS]",
    "".join(special_tokens(3)),
    *(f"a {token}b" for token in special_tokens(3)),
    *("".join(BASIC_PLANE[start : start + 2_000]) for start in range(0, len(BASIC_PLANE), 2_000)),
]
