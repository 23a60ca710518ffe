"""Where a value ends and a word begins, in every script.

In Chinese, Japanese, Thai and other scripts without spaces, and in Korean, a letter stands right
next to a number or an address that it doesn't belong to.
"""

from lmkit.text.unspaced_scripts import UNSPACED_CLASS

WITHOUT_SPACES = f"{UNSPACED_CLASS}\uac00-\ud7a3"
"""The letters of these scripts and hangul, for a class of a regular expression."""
NO_WORD_BEFORE = rf"(?<![^\W{WITHOUT_SPACES}])"
"""No letter, digit or underscore of another script is before."""
NO_WORD_AFTER = rf"(?![^\W{WITHOUT_SPACES}])"
