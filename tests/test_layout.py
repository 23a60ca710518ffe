"""The shape of the package: imports point down, options are light, tests mirror the source."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from lmkit.commands.registry import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lmkit"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = [path for path in FILES if path.stem not in {"__init__", "__main__"}]
LAYERS = [
    {"errors", "counter_rng", "suggestions", "extras", "bounded_files"},
    {"config"},
    {"recipes", "config_values", "flags"},
    {"execution"},
    {"storage"},
    {"artifacts"},
    {"text", "model"},
    {"readers", "filters", "pii", "tokenizers"},
    {"deduplication", "packing", "huggingface", "plugins"},
    {"objectives"},
    {"evaluation", "generation"},
    {"training"},
    {"reporting", "diagnosis"},
    {"commands"},
    {"python"},
    {"cli"},
]
"""From the bottom to the top: a folder imports itself and what lies in a layer below it."""
WITH_TORCH = {
    *("model", "objectives", "huggingface", "evaluation", "generation", "training"),
    "diagnosis",
    "python",
}
COMMANDS_WITH_TORCH = {"plan", "pretrain", "eval", "generate", "export", "doctor"}
ROLES = {"options.py", "run.py", "registry.py", "objective.py"}
"""Files that stand in several folders under one name, which says what they are there."""
READ_BY_HELP = {
    *(
        "lmkit",
        "lmkit.cli",
        "lmkit.config",
        "lmkit.config_values",
        "lmkit.errors",
        "lmkit.flags",
        "lmkit.suggestions",
    ),
    "lmkit.extras",
    *("lmkit.commands.registry", "lmkit.objectives.registry"),
    *("lmkit.execution.progress", "lmkit.execution.ranks", "lmkit.execution.amounts"),
    *("lmkit.execution.work", "lmkit.execution.meter", "lmkit.execution.forced_end"),
    "lmkit.execution.interrupt_signals",
    *("lmkit.model.positions.registry", "lmkit.training.optimizers.registry"),
    *("lmkit.training.tracking.registry", "lmkit.training.planning.jemalloc"),
    *("lmkit.model.presets", "lmkit.model.option_fields", "lmkit.text.language_codes"),
    "lmkit.training.tracking.registry",
    *("lmkit.model.presets", "lmkit.text.language_codes", "lmkit.text.language_names"),
    *("lmkit.storage.registry", "lmkit.storage.programming_languages", "lmkit.artifacts.document"),
    *("lmkit.filters.rule_set", "lmkit.filters.rules", "lmkit.filters.profanity_lists"),
    *("lmkit.filters.rule_sets", "lmkit.filters.url_blocklist", "lmkit.text.word_list_files"),
    *("lmkit.filters.document_signals", "lmkit.text.invisible_characters"),
    "lmkit.text.unspaced_scripts",
    "lmkit.bounded_files",
    *("lmkit.text.unspaced_scripts", "lmkit.recipes.recipe_file"),
}
"""What `--help` may import beside `options.py` files: the command line, tables of names, and parts
that bring their own options."""
MOST_IN_A_FOLDER = 28
MOST_IMPORTS_IN_FUNCTIONS = 30


def part(module: str) -> str:
    return module.split(".")[1]


def layer(module: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if part(module) in parts)


def dotted(path: Path) -> str:
    return ".".join(("lmkit", *path.relative_to(PACKAGE).with_suffix("").parts))


NAMES = {dotted(path): path for path in FILES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def imported(path: Path, *, top: bool = False) -> Iterator[str]:
    """Yield what a file imports, of a module's own name the module: anywhere, or at its top."""
    for node in tree(path).body if top else ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if inner in NAMES else module


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_down(path: Path) -> None:
    here = dotted(path)
    for other in imported(path):
        if other.startswith("lmkit."):
            assert layer(other) < layer(here) or part(other) == part(here), other


def test_no_imports_form_a_cycle() -> None:
    graph = {
        name: {each for each in imported(path) if each in NAMES} for name, path in NAMES.items()
    }
    while graph:
        free = {name for name, others in graph.items() if not others & graph.keys()}
        assert free, f"in a cycle, or above one: {sorted(graph)}"
        graph = {name: others for name, others in graph.items() if name not in free}


@pytest.mark.parametrize("path", sorted((PACKAGE / "commands").glob("*/*.py")), ids=dotted)
def test_commands_do_not_import_each_other(path: Path) -> None:
    for other in imported(path):
        if other.startswith("lmkit.commands."):
            assert other.split(".")[2] in {path.parent.name, "registry"}, other


def is_light(module: str) -> bool:
    """Whether `--help` may read a module: an options file, or one of those above or below them."""
    return module.endswith(".options") or any(
        module == name or (name != "lmkit" and module.startswith(f"{name}."))
        for name in READ_BY_HELP
    )


@pytest.mark.parametrize("command", [None, *COMMANDS], ids=lambda c: c.name if c else "all")
def test_help_reads_only_options(command: object) -> None:
    typed = [command.name] if command else []  # type: ignore[attr-defined]
    script = (
        "import sys; from lmkit.cli import main; main(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    run = [sys.executable, "-c", script, *typed, "--help"]
    names = subprocess.run(run, check=True, capture_output=True, text=True).stderr.split()
    read = {name for name in names if NAMES.get(name, Path("__init__.py")).name != "__init__.py"}
    assert {name for name in read if not is_light(name)} == set()


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "options.py"], ids=dotted)
def test_options_import_nothing_that_works(path: Path) -> None:
    for other in imported(path):
        if other.startswith("lmkit"):
            assert is_light(other), other
        else:
            assert other.split(".")[0] in {"pydantic", *sys.stdlib_module_names}, other


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_what_computes_imports_torch_at_its_top(path: Path) -> None:
    heavy = {"torch", "accelerate", "transformers", "datasets", "tensorboard"}
    tops = {name.split(".")[0] for name in imported(path, top=True)}
    is_command = part(dotted(path)) == "commands" and path.parent.name in COMMANDS_WITH_TORCH
    if part(dotted(path)) not in WITH_TORCH and not is_command:
        assert not tops & heavy


def test_imports_stand_at_the_top() -> None:
    inner = [
        f"{dotted(path)}:{node.lineno}"
        for path in FILES
        for function in ast.walk(tree(path))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if is_import(node)
    ]
    assert len(inner) <= MOST_IMPORTS_IN_FUNCTIONS, inner


def test_no_folder_is_crowded() -> None:
    crowd = Counter(path.parent for path in FILES)
    assert max(crowd.values()) <= MOST_IN_A_FOLDER, crowd.most_common(3)


def test_no_two_files_share_a_name() -> None:
    names = sorted((path.name, dotted(path)) for path in MODULES if path.name not in ROLES)
    assert not [pair for pair in pairwise(names) if pair[0][0] == pair[1][0]]


@pytest.mark.parametrize("path", [p for p in MODULES if p.name != "options.py"], ids=dotted)
def test_every_module_has_its_tests_at_the_same_place(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    assert (Path(__file__).parent / relative.parent / f"test_{relative.name}").exists()


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path))


def test_the_top_level_holds_nothing_else() -> None:
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    made = {name for name in names if name.endswith(".egg-info")} | {"work", "build"}
    papers = {"LICENSE", "CONTRIBUTING.md"}
    assert names - made - papers == {
        *("pyproject.toml", "README.md", "CHANGELOG.md", "lmkit", "tests", "examples")
    }


def test_every_dependency_has_a_tested_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        assert ">=" in requirement and "<" in requirement, requirement
