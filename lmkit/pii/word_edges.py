"""Where a value ends and a word begins, in every script.

In Chinese, Japanese, Thai and other scripts without spaces, and in Korean, a letter stands right
next to a number or an address that it doesn't belong to.
"""

WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
)
"""Thai, Lao, Burmese, Khmer, kana, Han and hangul, for a class of a regular expression."""
NO_WORD_BEFORE = rf"(?<![^\W{WITHOUT_SPACES}])"
"""No letter, digit or underscore of another script is before."""
NO_WORD_AFTER = rf"(?![^\W{WITHOUT_SPACES}])"
