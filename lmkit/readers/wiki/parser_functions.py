"""MediaWiki's functions and variables that need no other page: `{{lc:A}}`, `{{#if: a | b }}`.

https://www.mediawiki.org/wiki/Help:Magic_words, https://www.mediawiki.org/wiki/Help:Extension:ParserFunctions

Choices:
- `formatnum` gives its argument: how a number is grouped depends on settings of the wiki. With `R`
  the groups of the language are removed.
- What depends on the time, the user or another page (`CURRENTYEAR`, `int`, `#invoke`) is removed.
"""

import re
from collections.abc import Callable

from lmkit.readers.wiki.marks import REMOVED, UNSEEN

POINTS = "ca da de el es eu gl hr id is it nl pt ro sl sr tr vi"
SPACES = "be bg cs et fi fr hu kk lt lv nb nn no pl ru sk sv uk"
"""Languages that group the digits of a number with points, and with blanks."""
PAD_LIMIT = 500


def call_function(name: str, arguments: list[str], language: str) -> str | None:
    """Return what `{{name:arguments}}` shows; None if it isn't known.

    >>> call_function("ucfirst", ["tides"], "en"), call_function("formatnum", ["1,300", "R"], "en")
    ('Tides', '1300')
    """
    if name == "formatnum":
        return _formatnum(arguments, language)
    function = FUNCTIONS.get(name)
    if function is None:
        return None
    return function([argument.strip() for argument in arguments])


def _formatnum(arguments: list[str], language: str) -> str:
    number = arguments[0].strip()
    if len(arguments) > 1 and arguments[1].strip().upper() == "R":
        base = language.partition("-")[0]
        number = re.sub(r"(?<=\d)[\s\u00a0\u202f'\u2019](?=\d)", "", number)
        if base in POINTS.split():
            number = number.replace(".", "").replace(",", ".")
        elif base in SPACES.split():
            number = number.replace(",", ".")
        else:
            number = number.replace(",", "")
    return number


def _at(arguments: list[str], index: int) -> str:
    return arguments[index] if index < len(arguments) else ""


def _padded(arguments: list[str], *, left: bool) -> str:
    text, width, fill = arguments[0], _at(arguments, 1), _at(arguments, 2) or "0"
    if not re.fullmatch(r"[0-9]{1,3}", width):
        return text
    missing = min(int(width), PAD_LIMIT) - len(text)
    padding = (fill * (missing // len(fill) + 1))[:missing] if missing > 0 else ""
    return padding + text if left else text + padding


def _visible(text: str) -> bool:
    """Return whether a condition holds; what was removed inside of it may have shown something."""
    return text.replace(UNSEEN, "").strip() != ""


def _if(arguments: list[str]) -> str:
    return _at(arguments, 1 if _visible(arguments[0]) else 2)


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _ifeq(arguments: list[str]) -> str:
    return _at(arguments, 2 if _same(arguments[0], _at(arguments, 1)) else 3)


def _switch(arguments: list[str]) -> str:
    default = ""
    falls_through = falls_to_default = False
    for number, case in enumerate(arguments[1:], 2):
        name, equals, value = (part.strip() for part in case.partition("="))
        if not equals:
            if number == len(arguments):
                return name  # the last one without a name is the default
            falls_through = falls_through or _same(name, arguments[0])
            falls_to_default = falls_to_default or name == "#default"
        elif falls_through or _same(name, arguments[0]):
            return value
        elif name == "#default" or falls_to_default:
            default, falls_to_default = value, False
    return default


def _nothing(_: list[str]) -> str:
    return UNSEEN


def _unknown(_: list[str]) -> str:
    return REMOVED


FUNCTIONS: dict[str, Callable[[list[str]], str]] = {
    "lc": lambda arguments: arguments[0].lower(),
    "uc": lambda arguments: arguments[0].upper(),
    "lcfirst": lambda arguments: arguments[0][:1].lower() + arguments[0][1:],
    "ucfirst": lambda arguments: arguments[0][:1].upper() + arguments[0][1:],
    "padleft": lambda arguments: _padded(arguments, left=True),
    "padright": lambda arguments: _padded(arguments, left=False),
    "plural": lambda arguments: _at(arguments, 1 if _same(arguments[0], "1") else -1),
    "gender": lambda arguments: arguments[-1],
    "grammar": lambda arguments: arguments[-1],
    "bidi": lambda arguments: arguments[0],
    "anchorencode": lambda arguments: arguments[0],
    "#if": _if,
    "#ifeq": _ifeq,
    "#switch": _switch,
    "#iferror": lambda arguments: arguments[0] if len(arguments) < 3 else arguments[2],
    "#formatdate": lambda arguments: arguments[0],
    "#dateformat": lambda arguments: arguments[0],
    "#tag": lambda arguments: (
        UNSEEN if arguments[0].lower() in {"ref", "references"} else _at(arguments, 1)
    ),
    **dict.fromkeys(
        ("displaytitle", "defaultsort", "defaultsortkey", "defaultcategorysort"), _nothing
    ),
    **dict.fromkeys(
        ("#expr", "#ifexpr", "#ifexist", "#time", "#timel", "#invoke", "#property", "#statements"),
        _unknown,
    ),
}
FUNCTION_NAMES = frozenset(FUNCTIONS) | {"formatnum"}
