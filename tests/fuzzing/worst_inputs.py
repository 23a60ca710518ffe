"""Texts that make a regular expression or a reader slow, if any does.

Choices:
- The inputs for a pattern are made of its own parts, as Python's parser gives them: its literals, a
  character of each of its classes, and texts that it nearly matches. Repeated, they keep it busy;
  what would complete a match is missing at the end.
- A reader gets what opens something in its format, again and again, and never closes it.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import lmkit

PARSER: Any = re._parser  # type: ignore[attr-defined]  # pyright: ignore
CONSTANTS: Any = re._constants  # type: ignore[attr-defined]  # pyright: ignore
CATEGORY_SAMPLES = {
    "CATEGORY_SPACE": " \n",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_DIGIT": "1",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_WORD": "a1",
    "CATEGORY_NOT_WORD": "-",
}
MOST_ATOMS = 6
"""Of which pairs are made."""


def compiled_patterns() -> dict[str, re.Pattern[Any]]:
    """Return all patterns of the package by name: in modules, classes and containers, and those
    that a function compiles from a constant."""
    found: dict[str, re.Pattern[Any]] = {}
    for info in walk_packages(lmkit.__path__, "lmkit."):
        if info.name.endswith("__main__"):
            continue
        module = import_module(info.name)
        for name, value in vars(module).items():
            for part, pattern in _patterns_in(value):
                if pattern not in found.values():
                    found[f"{info.name}.{name}{part}"] = pattern
        for line, method, pattern in _in_functions(Path(str(module.__file__))):
            if pattern not in found.values():
                found[f"{info.name}:{line}:{method}"] = pattern
    return found


def _patterns_in(value: Any, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield "", value
    elif isinstance(value, type) and value.__module__.startswith("lmkit") and not depth:
        for name, inner in vars(value).items():
            yield from ((f".{name}{part}", each) for part, each in _patterns_in(inner, 1))
    elif isinstance(value, dict | list | tuple | set | frozenset) and depth < 3:
        items: Iterable[Any] = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            for part, each in _patterns_in(inner, depth + 1):
                yield f"[{key!r}]{part}", each


def _in_functions(path: Path) -> Iterator[tuple[int, str, re.Pattern[Any]]]:
    tree = ast.parse(path.read_text())
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    names = {
        id(each.value): str(ast.unparse(each.targets[0]))
        for each in ast.walk(tree)
        if isinstance(each, ast.Assign)
    }
    for node in (inner for function in functions for inner in ast.walk(function)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            used = {node.func.attr}
            if "compile" in used and (name := names.get(id(node))):
                used = set(re.findall(rf"\b{re.escape(name)}\.(\w+)\(", path.read_text()))
            yield node.lineno, "+".join(sorted(used)), re.compile(node.args[0].value)


def how_it_is_used(name: str) -> set[str]:
    """Return the methods of a pattern that its module, and those that import it, call."""
    if name.count(":") == 2:  # of a call in a function
        return set(name.rpartition(":")[2].split("+"))
    module, _, last = re.split(r"[\[:]", name)[0].rpartition(".")
    calls = rf"\b{re.escape(last)}(?:\[\w+\])?\.(\w+)\b"
    found: set[str] = set()
    for path in Path(lmkit.__path__[0]).rglob("*.py"):
        text = path.read_text()
        is_own = path.as_posix().endswith(f"{module.replace('.', '/')}.py")
        if is_own or (f"from {module} import" in text and last in text):
            found |= set(re.findall(calls, text))
    return found


def inputs_for(pattern: re.Pattern[Any], size: int) -> Iterator[tuple[str, Any]]:
    """Yield inputs of about `size` characters that are hard for a pattern, with their names."""
    is_bytes = isinstance(pattern.pattern, bytes)
    source = pattern.pattern.decode("latin-1") if is_bytes else pattern.pattern
    parsed = PARSER.parse(source, pattern.flags & ~re.UNICODE if is_bytes else pattern.flags)
    atoms = list(dict.fromkeys(_atoms(parsed)))
    near = _sample(parsed)
    beginnings = [near[:end] for end in {len(near), len(near) - 1, len(near) // 2} if end > 0]
    pairs = [a + b for a, b in product(atoms[:MOST_ATOMS], repeat=2) if a != b]
    for unit in dict.fromkeys([*atoms, *beginnings, *pairs, " ", "\n", "a"]):
        for start in ("",) if unit in pairs else ("", near[: len(near) // 2]):
            text = start + unit * (size // max(1, len(unit))) + "\x00"
            yield f"{start!r} + {unit!r} * n", text.encode("utf-8") if is_bytes else text


def _atoms(parsed: Any) -> Iterator[str]:
    """Yield the literals of a pattern, whole and single, and a sample of each class."""
    word = ""
    for op, value in parsed:
        if op is CONSTANTS.LITERAL:
            word += chr(value)
            continue
        if word:
            yield word
            word = ""
        if op is CONSTANTS.IN:
            yield from _samples_of(value)
        elif op in {CONSTANTS.ANY, CONSTANTS.NOT_LITERAL}:
            yield "a"
        for inner in _inner(op, value):
            yield from _atoms(inner)
    if word:
        yield word


def _inner(op: Any, value: Any) -> list[Any]:
    if op in {CONSTANTS.MAX_REPEAT, CONSTANTS.MIN_REPEAT, CONSTANTS.POSSESSIVE_REPEAT}:
        return [value[2]]
    if op is CONSTANTS.SUBPATTERN:
        return [value[3]]
    if op is CONSTANTS.BRANCH:
        return list(value[1])[:8]
    if op is CONSTANTS.ATOMIC_GROUP:
        return [value]
    if op in {CONSTANTS.ASSERT, CONSTANTS.ASSERT_NOT}:
        return [value[1]]
    return []


def _samples_of(items: Any) -> Iterator[str]:
    """Yield some characters of a class."""
    if items and items[0][0] is CONSTANTS.NEGATE:
        refused = set(_samples_of(items[1:]))
        yield next(each for each in "a \n-1<\u4e00" if each not in refused)
        return
    for op, value in items[:6]:
        if op is CONSTANTS.LITERAL:
            yield chr(value)
        elif op is CONSTANTS.RANGE:
            yield chr(value[0])
        elif op is CONSTANTS.CATEGORY:
            yield from CATEGORY_SAMPLES.get(str(value), "a")


def _sample(parsed: Any) -> str:
    """Return a short text that a pattern may match, of which every optional part is there once."""
    text = ""
    for op, value in parsed:
        if op is CONSTANTS.LITERAL:
            text += chr(value)
        elif op is CONSTANTS.IN:
            text += next(_samples_of(value), "a")
        elif op in {CONSTANTS.ANY, CONSTANTS.NOT_LITERAL}:
            text += "a"
        elif op in {CONSTANTS.MAX_REPEAT, CONSTANTS.MIN_REPEAT, CONSTANTS.POSSESSIVE_REPEAT}:
            text += _sample(value[2]) * max(1, min(value[0], 3))
        elif op is CONSTANTS.BRANCH:
            text += _sample(value[1][0])
        elif op is CONSTANTS.SUBPATTERN:
            text += _sample(value[3])
        elif op is CONSTANTS.ATOMIC_GROUP:
            text += _sample(value)
    return text


OPENINGS = (
    *(
        "[http://a ",
        "[[a|",
        "{{a|",
        "{{{a|",
        "{|\n|",
        "'''",
        "<ref>",
        "<math>",
        "<nowiki>",
        "<code>",
    ),
    *(
        "-{",
        "__A",
        "==",
        "\n*",
        "<!--",
        "<div>",
        "<p>a",
        "<a href='",
        "<b",
        "</b>",
        "&lt;",
        "&",
        "<",
    ),
    *(
        "<table><tr><td>",
        "<br ",
        "<sup>",
        "(",
        ")",
        '"',
        "\u201c",
        "\u300c",
        "a@",
        "a.",
        "a. A ",
        "1-",
    ),
    *(
        "1 ",
        "+49 1",
        "(1",
        "0",
        "1.",
        "2001:",
        "192.168.",
        "http://a",
        "www.",
        "%41",
        "sk-",
        "AKIA",
    ),
    *(
        "\n",
        "\r\n",
        "\r",
        "\t",
        " ",
        "  \n",
        "-\n",
        "a-\n",
        "a ",
        "a",
        "A",
        "\u4e00",
        "\u0e01",
        "\xad",
    ),
    *(
        "\u200b",
        "e\u0301",
        "\ud800",
        "\x00",
        "Ã©",
        "Ã",
        "{\\",
        "{\\an8}",
        "00:00:01,000 --> ",
        "1\n",
    ),
    *(
        "# ",
        "/* ",
        "// Copyright ",
        '"""',
        "```",
        "`",
        "$",
        "\\(",
        "\\begin{a}",
        "|",
        "\\",
        "=",
        "_",
    ),
    *(
        "*** START OF",
        "...",
        "\u2026",
        "?!",
        "Mr. ",
        "\n\n",
        "- a\n",
        ",",
        '",',
        "a\n\n\n",
        "&#",
        "{",
        "}",
    ),
    *("\u0301\u0316", "\u0f73", "\u0301\uff9e"),
)
"""What opens or divides something in one of the formats."""


def texts(size: int) -> Iterator[tuple[str, str]]:
    """Yield texts of about `size` characters for what reads texts, with their names."""
    for unit in OPENINGS:
        yield f"{unit!r} * n", unit * (size // len(unit))
    for one, other in zip(OPENINGS, OPENINGS[7:], strict=False):
        unit = one + other
        yield f"{unit!r} * n", unit * (size // len(unit))
