"""The shape of the package: imports point down, and tests lie where their subject lies."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lmkit"
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.stem not in {"__init__", "__main__"}
)
LAYERS = [
    {"errors"},
    {"config"},
    {"execution"},
    {"artifacts"},
    {"readers", "text", "tokens"},
    {"model"},
    {"objectives"},
    {"training", "scoring"},
    {"stages"},
    {"results"},
    {"cli"},
]
WITH_TORCH = {"model", "objectives", "training", "scoring"}


def part(module: str) -> str:
    return module.split(".")[1]


def layer(module: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if part(module) in parts)


def dotted(path: Path) -> str:
    return ".".join(("lmkit", *path.relative_to(PACKAGE).with_suffix("").parts))


def imported(nodes: list[ast.stmt] | list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_down(path: Path) -> None:
    here = dotted(path)
    for other in imported(list(ast.walk(ast.parse(path.read_text())))):
        if other.startswith("lmkit."):
            assert layer(other) < layer(here) or part(other) == part(here), other


@pytest.mark.parametrize("path", sorted((PACKAGE / "stages").glob("[a-z]*.py")), ids=dotted)
def test_stages_do_not_import_each_other(path: Path) -> None:
    imports = imported(list(ast.walk(ast.parse(path.read_text()))))
    assert not [other for other in imports if other.startswith("lmkit.commands")]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_what_trains_imports_torch_at_its_top(path: Path) -> None:
    tops = list(imported(ast.parse(path.read_text()).body))
    if part(dotted(path)) not in WITH_TORCH:
        assert not [name for name in tops if name.split(".")[0] in {"torch", "accelerate"}]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_has_its_tests_at_the_same_place(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    assert (Path(__file__).parent / relative.parent / f"test_{relative.name}").exists()


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_top_level_holds_nothing_else() -> None:
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    made = {name for name in names if name.endswith(".egg-info")} | {"work", "build"}
    assert names - made == {
        *("pyproject.toml", "README.md", "CHANGELOG.md", "lmkit", "tests", "examples")
    }


def test_every_dependency_has_a_tested_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        assert ">=" in requirement and "<" in requirement, requirement
