"""The code speaks the field's language: words of an older dialect stay out of names and help."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmkit.commands.registry import COMMANDS
from lmkit.config import options

PACKAGE = Path(__file__).parents[1] / "lmkit"
DIALECT = {
    "place": "position, offset, index, path or location",
    "say": "predict, print or report",
    "tell": "report or return",
    "hole": "masked span",
    "stretch": "span",
    "lit": "has_visible_key",
    "bend": "activation",
    "theirs": "hf",
    "ours": "lmkit",
    "tally": "counts or statistics",
    "ledger": "counts",
    "witness": "examples",
    "mate": "candidate pair",
    "kin": "hold-out group",
    "anew": "again",
    "aloud": "with a warning",
    "behind": "after",
    "beside": "next to, or in addition",
    "gone": "removed",
    "stays": "kept",
    "seen": "attended, visible or read",
    "turned": "rotated or transposed",
    "fidelity": "round trip",
    "adopt": "import",
    "noting": "collecting",
}
"""The word and what the field calls it."""
FORMS = {
    **dict.fromkeys(("places", "placed", "placing"), "place"),
    **dict.fromkeys(("says", "said", "saying"), "say"),
    **dict.fromkeys(("tells", "told", "telling"), "tell"),
    **dict.fromkeys(("holes",), "hole"),
    **dict.fromkeys(("stretches",), "stretch"),
    **dict.fromkeys(("tallies",), "tally"),
    **dict.fromkeys(("mates",), "mate"),
    **dict.fromkeys(("goes",), "gone"),
}


def words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Attribute(attr=name) | ast.Name(id=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)):
                yield node.value.lineno, name
            case ast.alias(name=name, asname=alias):
                yield node.lineno, alias or name.rpartition(".")[2]
            case _:
                pass


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.name))
def test_names_are_words_of_the_field(path: Path) -> None:
    names = [*identifiers(ast.parse(path.read_text("utf-8"))), (0, path.stem)]
    for line, name in names:
        for word in words(name):
            root = FORMS.get(word, word)
            if name != "tell":  # a method of files in Python
                assert root not in DIALECT, f"{path}:{line}: {name}: say {DIALECT[root]}"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_is_in_words_of_the_field(command: object) -> None:
    for option in options(command.config):  # type: ignore[attr-defined]
        for word in words(option.key) + words(option.description):
            root = FORMS.get(word, word)
            assert root not in DIALECT, f"{option.typed}: {word}: say {DIALECT[root]}"
