"""The arguments of a template, by name or number."""

import re

Arguments = dict[str, str]
"""Arguments by name; those without one are numbered from "1"."""
KEY = re.compile(
    r"\s*([^\s=<>\[\]{}\x01-\x06](?:[^=<>\[\]{}\n\x01-\x06]{0,40}[^\s=<>\[\]{}\x01-\x06])?)\s*="
)


def arguments_of(parts: list[str]) -> Arguments:
    """Return the arguments of a template.

    >>> arguments_of(["a", "b=c", "d"])
    {'1': 'a', 'b': 'c', '2': 'd'}
    """
    found: Arguments = {}
    number = 0
    for part in parts:
        key = KEY.match(part)
        if key:
            found[key[1]] = part[key.end() :].strip()
        else:
            number += 1
            found[str(number)] = part
    return found


def numbered(arguments: Arguments) -> list[str]:
    """Return the arguments without a name that aren't empty."""
    return [value for name, value in arguments.items() if name.isdecimal() and value.strip()]
