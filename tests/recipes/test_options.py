import json
from pathlib import Path

import pytest

from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.dedup.options import DedupConfig
from lmkit.config import options
from lmkit.config_values import load
from lmkit.filters.options import FiltersConfig
from lmkit.recipes.recipe_file import RECIPES
from tests.conftest import Lmkit

MINE = """
[clean]
language = "de"
min_language_score = 0.9
[clean.filters]
min_characters = 7
min_letters = 0.1
[dedup.minhash]
bands = 3
"""
NEEDED = {"inputs": ["a.txt"], "output": "out"}


@pytest.fixture
def mine(here: Path) -> Path:
    Path("mine.toml").write_text(MINE)
    return Path("mine.toml")


def test_a_file_overrides_the_recipe_and_flags_override_both(mine: Path) -> None:
    Path("run.toml").write_text(
        '[clean]\nrecipe = "mine.toml"\n[clean.filters]\nmin_characters = 8\nmin_letters = 0.2\n'
    )
    made = load(CleanConfig, Path("run.toml"), NEEDED | {"filters.min_letters": "0.3"})
    assert (made.language, made.min_language_score) == (("de",), 0.9)
    assert (made.filters.min_characters, made.filters.min_letters) == (8, 0.3)
    assert made.filters.max_repeats == 0.75


def test_a_recipe_is_named_in_python_as_on_the_command_line(mine: Path) -> None:
    own = FiltersConfig(min_letters=0.5)
    made = CleanConfig(output=Path("out"), recipe="mine.toml", filters=own, language=("en",))
    assert (made.language, made.filters.min_characters, made.filters.min_letters) == (
        *(("en",), 7, 0.5),
    )


def test_a_manifest_records_the_recipe_and_its_options_and_only_these_are_compared(
    mine: Path, lmkit: Lmkit
) -> None:
    Path("a.txt").write_text("Das ist der Anfang eines langen und schönen Textes.\n")
    command = ["clean", "a.txt", "--output", "out", "--recipe", mine]
    assert lmkit(*command)[0] == 0
    config = json.loads(Path("out/manifest.json").read_text())["config"]
    assert (config["recipe"]["name"], config["language"]) == ("mine.toml", ["de"])
    assert len(config["recipe"]["sha256"]) == 64
    mine.write_text(f"# a comment\n{MINE}")
    assert "up to date" in lmkit(*command)[2]
    assert "up to date" in lmkit("clean", "--config", "out/manifest.json")[2]
    typed = ["--language", "de", "--min-language-score", "0.9", "--filters.min-characters", "7"]
    without = ["clean", "a.txt", *typed, "--filters.min-letters", "0.1", "--output"]
    assert "up to date" in lmkit(*without, "out")[2]
    assert lmkit(*without, "other")[0] == 0
    assert "recipe" not in json.loads(Path("other/manifest.json").read_text())["config"]
    mine.write_text(MINE.replace("0.9", "0.8"))
    assert "--min-language-score was 0.9, now 0.8" in lmkit(*command)[2]
    exit_code, _, err = lmkit("clean", "--config", "out/manifest.json", "--recipe", "fineweb")
    assert exit_code == 2 and "--recipe: can't be combined with --config out/manifest.json" in err


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("finewb", "--recipe: got finewb, no such recipe; did you mean fineweb?"),
        ("no.toml", "--recipe: cannot read no.toml: No such file"),
        ("broken.toml", "--recipe: broken.toml: "),
        ("dedup.toml", "dedup.toml has no options for clean; it has some for dedup"),
        ("typo.toml", "typo.toml: clean.langage: no such option; did you mean language?"),
        ("output.toml", "output.toml: clean.output: can't be in a recipe"),
        ("workers.toml", "workers.toml: clean.workers: can't be in a recipe"),
        ("value.toml", "--recipe value.toml: clean.min_language_score: got 2, must be at most 1"),
        ("group.toml", "group.toml: clean.filters: must be a table"),
        ("outside.toml", "outside.toml: seed is outside any table"),
    ],
)
def test_a_mistake_in_a_recipe_is_named_before_anything_is_written(
    here: Path, lmkit: Lmkit, recipe: str, message: str
) -> None:
    Path("a.txt").write_text("a text")
    Path("broken.toml").write_text("[clean")
    Path("dedup.toml").write_text("[dedup]")
    for name, line in (
        *(("typo", 'langage = "de"'), ("output", 'output = "x"'), ("workers", "workers = 2")),
        *(("value", "min_language_score = 2"), ("group", "filters = 2")),
    ):
        Path(f"{name}.toml").write_text(f"[clean]\n{line}\n")
    Path("outside.toml").write_text("seed = 1")
    exit_code, out, err = lmkit("clean", "a.txt", "--output", "out", "--recipe", recipe)
    assert (exit_code, out) == (2, "") and message in err
    assert not Path("out").exists()


@pytest.mark.parametrize("config", [CleanConfig, DedupConfig])
def test_the_help_lists_the_recipes(config: type[CleanConfig | DedupConfig]) -> None:
    (option,) = [each for each in options(config) if each.key == "recipe"]
    assert option.names == RECIPES and option.takes_files
    assert f"({', '.join(RECIPES)})" in " ".join(option.description.split())
