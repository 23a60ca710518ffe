"""The command that makes a folder again, from the options in its manifest.

Choices:
- Only options that must be typed are written: one that a default or a preset brings is left out,
  which is found by leaving it out and comparing.
- It is quoted for bash, also where a name holds characters that don't print, so it can be copied.
- What a manifest doesn't record (workers, and other options that change no result) isn't written.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from lmkit.artifacts.manifest import Plan, flat
from lmkit.config import PLUGIN, CommandConfig, Option, options

WIDTH = 90


def command_line(plan: Plan, config: type[CommandConfig] | None) -> str:
    """Return the command line of a plan, given the options of its command, if it is known."""
    if config is None:
        return f"# lmkit {plan.stage}: this version doesn't know the command"
    known = {option.key: option for option in options(config)}
    typed = options_to_type(plan.config, config)
    flags = [part for key, value in typed.items() for part in _flags(known[key], value)]
    flags += [f"--{PLUGIN} {quoted(name)}" for name in sorted(plan.config.get(PLUGIN, {}))]
    named = [
        quoted(str(path)) for key in typed if known[key].positional for path in _listed(typed[key])
    ]
    if any(name.startswith("-") for name in named):
        flags, named = [*flags, "--", *named], []
    one_line = " ".join(["lmkit", plan.stage, *named, *flags])
    if len(one_line) <= WIDTH:
        return one_line
    return " \\\n    ".join(_lines([" ".join(["lmkit", plan.stage, *named]), *flags]))


def _lines(parts: Sequence[str]) -> list[str]:
    """Put parts into lines of about the same width."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines) == 1 or len(lines[-1]) + len(part) > WIDTH - 6:
            lines.append(part)
        else:
            lines[-1] += f" {part}"
    return lines


def options_to_type(recorded: Mapping[str, Any], config: type[CommandConfig]) -> dict[str, Any]:
    """Return the options that, typed, give the recorded ones; by key, in order of declaration."""
    values = flat(recorded)
    known = [option for option in options(config) if option.key in values]
    goal = {option.key: values[option.key] for option in known}
    needed = [
        option.key
        for option in known
        if option.field.is_required() or goal[option.key] != _default(option)
    ]
    required = {option.key for option in known if option.field.is_required()}
    for key in [key for key in needed if key not in required]:
        fewer = [each for each in needed if each != key]
        if _resolved(config, {each: goal[each] for each in fewer}, goal) == goal:
            needed = fewer
    return {key: goal[key] for key in needed}


def _default(option: Option) -> Any:
    default = option.field.get_default(call_default_factory=True, validated_data={})
    return list(cast(Any, default)) if isinstance(default, tuple) else default


def _resolved(
    config: type[CommandConfig], typed: Mapping[str, Any], goal: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the options that a command gets from what is typed; None where it refuses that."""
    nested: dict[str, Any] = {}
    for key, value in typed.items():
        *groups, name = key.split(".")
        table = nested
        for group in groups:
            table = table.setdefault(group, {})
        table[name] = value
    try:
        made = flat(config.model_validate(nested).model_dump(mode="json"))
    except ValidationError:
        return None
    return {key: value for key, value in made.items() if key in goal}


def _flags(option: Option, value: Any) -> Iterator[str]:
    if option.positional:
        return
    if isinstance(value, bool):
        yield option.typed if value else option.typed.replace("--", "--no-", 1)
        return
    texts = [str(each) for each in _listed(value)] if isinstance(value, list) else [_text(value)]
    if isinstance(value, list) and not option.repeated:
        texts = [",".join(texts)]
    for text in texts:
        separator = "=" if text.startswith("-") else " "
        yield f"{option.typed}{separator}{quoted(text)}"


def _listed(value: Any) -> Iterable[Any]:
    return cast(list[Any], value) if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def quoted(text: str) -> str:
    r"""Return a word of bash.

    >>> print(quoted("a b"), quoted("a\x1b'b"))
    'a b' $'a\x1b\'b'
    """
    if text.isprintable():
        return shlex.quote(text)
    characters = (
        f"\\{each}"
        if each in "\\'"
        else each
        if each.isprintable()
        else "".join(f"\\x{byte:02x}" for byte in _bytes(each))
        for each in text
    )
    return f"$'{''.join(characters)}'"


def _bytes(character: str) -> bytes:
    """Return a character as it is in a file name; any lone surrogate as it would be in UTF-8."""
    try:
        return os.fsencode(character)
    except UnicodeEncodeError:
        return character.encode("utf-8", "surrogatepass")
