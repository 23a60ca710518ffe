"""Numbers, units and dates as templates show them, without what would have to be calculated."""

import re

from lmkit.readers.wiki.template_arguments import Arguments, numbered

NUMBER = re.compile(r"[-+\u2212\u00b1]?[\d.,' \u00a0\u202f/\u2044+]*\d(?:e[-+]?\d+)?%?")
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
SCALES = {"3": "thousand", "6": "million", "9": "billion", "12": "trillion"}
SCALE = re.compile(r"e(3|6|9|12)(.+)")
UNITS = {
    "C": "\u00b0C",
    "F": "\u00b0F",
    "C-change": "\u00b0C",
    "F-change": "\u00b0F",
    "kmph": "km/h",
}
LONGEST = 20
RANGES = {
    **{word: f" {word} " for word in ("to", "and", "or", "by", "x", "to about", "and about")},
    **{"-": "\u2013", "\u2013": "\u2013", "to(-)": " to ", "&ndash;": "\u2013", "+/-": " \u00b1 "},
    **{
        "\u00b1": " \u00b1 ",
        "\u00d7": " \u00d7 ",
        "xx": " \u00d7 ",
        "and(-)": " and ",
        "*": " \u00d7 ",
        ",": ", ",
    },
}


def quantity(arguments: Arguments) -> str:
    """Return the quantity that `convert` converts: numbers, units and the words between."""
    parts = [value.strip() for name, value in arguments.items() if name.isdecimal()][:LONGEST]
    shown, index = "", 0
    while index < len(parts) and NUMBER.fullmatch(parts[index]):
        shown += (" " if shown and shown[-1] not in " \u2013" else "") + parts[index]
        following = parts[index + 1] if index + 1 < len(parts) else ""
        if following in RANGES and index + 2 < len(parts) and NUMBER.fullmatch(parts[index + 2]):
            shown += RANGES[following]
        elif following:
            shown += f" {_unit_name(following)}"
            # A second number belongs to the quantity where it has a unit: 6 ft 2 in.
            if index + 3 >= len(parts) or parts[index + 3] not in SMALLER:
                break
        index += 2
    return shown or (parts[0] if parts else "")


SMALLER = {
    "in",
    "oz",
    "lb",
    "yd",
    "ft",
    "chain",
    "furlong",
    "ch",
    "mm",
    "cm",
    "m",
    "g",
    "qtr",
    "st",
}


def _unit_name(code: str) -> str:
    """Return a unit as it is read: the codes of `convert` are short."""
    scaled = SCALE.match(code)
    if scaled:
        return f"{SCALES[scaled[1]]} {_unit_name(scaled[2])}"
    return UNITS.get(code) or re.sub(r"^(sq|cu)(mi|ft|yd|in)$", r"\1 \2", code)


def value(arguments: Arguments) -> str:
    """Return the number of `val`, with its uncertainty, exponent and unit."""
    numbers = [number.strip() for number in numbered(arguments)]
    shown = "\u00b1".join(numbers[:2])
    exponent = arguments.get("e", arguments.get("10^", ""))
    if exponent:
        shown += f"\u00d710^{exponent}"
    unit = arguments.get("u") or arguments.get("ul") or ""
    per = arguments.get("up") or arguments.get("upl") or ""
    shown += f" {unit}" if unit else ""
    shown += f"/{per}" if per else ""
    return arguments.get("p", "") + shown + arguments.get("s", "")


def unit(arguments: Arguments) -> str:
    """Return the number of `unité`, and its units with their exponents."""
    parts = [value.strip() for name, value in arguments.items() if name.isdecimal()]
    exponent = arguments.get("e", "")
    shown = (parts[0] if parts else "") + (f"\u00d710^{exponent}" if exponent else "")
    for unit, power in zip(parts[1::2], [*parts[2::2], ""], strict=False):
        shown += f" {unit}{power}" if unit else ""
    return shown


def fraction(arguments: Arguments) -> str:
    """Return `1/2` or `3 1/2`."""
    parts = [part.strip() for part in numbered(arguments)]
    match parts:
        case [one]:
            return f"1/{one}"
        case [one, other]:
            return f"{one}/{other}"
        case [whole, one, other, *_]:
            return f"{whole} {one}/{other}"
        case _:
            return ""


def circa(arguments: Arguments) -> str:
    """Return `c. 1500`."""
    return " \u2013 ".join(f"c. {part.strip()}" for part in numbered(arguments)) or "c."


def as_of(arguments: Arguments) -> str:
    """Return `As of May 2012`."""
    if arguments.get("alt"):
        return arguments["alt"]
    year, month, day = ([part.strip() for part in numbered(arguments)] + ["", "", ""])[:3]
    if month.isdecimal() and 1 <= int(month) <= 12:
        month = MONTHS[int(month) - 1]
    word = "Since" if "since" in arguments else "As of"
    word = word.lower() if arguments.get("lc") else word
    return " ".join(part for part in (word, day, month, year) if part)


def date(arguments: Arguments) -> str:
    """Return a date as ISO 8601 writes it."""
    parts = [part.strip() for part in numbered(arguments)][:3]
    if parts and all(part.isdecimal() for part in parts):
        return "-".join(part.zfill(2) for part in parts)
    return " ".join(parts)
