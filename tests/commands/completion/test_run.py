import shutil

import pytest

import lmkit as api
from lmkit.commands.registry import COMMANDS
from lmkit.model.presets import PRESETS
from lmkit.recipes.recipe_file import RECIPES
from tests.commands.completion.test_bash_script import completed
from tests.conftest import Lmkit

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash reads the script")


@pytest.fixture(scope="module")
def script() -> str:
    return api.completion(api.CompletionConfig())


def test_every_command_is_completed(script: str) -> None:
    assert {command.name for command in COMMANDS} < {*completed(script, "lmkit", "")}


def test_names_of_presets_recipes_rules_and_formats_are_completed(script: str) -> None:
    clean, pretrain = ("lmkit", "clean"), ("lmkit", "pretrain")
    assert completed(script, *pretrain, "--model.preset", "") == [*PRESETS, "none"]
    assert completed(script, *clean, "--recipe", "") == [*RECIPES, "none"]
    assert completed(script, *clean, "--filters.rules", "basic,c4-p") == ["basic,c4-paper"]
    assert completed(script, *clean, "--pii.kinds", "em") == ["email"]
    assert completed(script, *clean, "--format", "parq") == ["parquet"]
    assert completed(script, *pretrain, "--objective", "sp") == ["span-corruption"]
    assert completed(script, *pretrain, "--optim.l") == ["--optim.lr"]
    assert completed(script, *clean, "--no-normalize.m") == ["--no-normalize.mojibake"]
    assert completed(script, *clean, "--plu") == ["--plugin"]


def test_the_script_is_printed(lmkit: Lmkit, script: str) -> None:
    assert lmkit("completion", "bash")[:2] == (0, script)
    exit_code, _, err = lmkit("completion", "zsh")
    assert exit_code == 2 and "SHELL: got zsh, must be 'bash'" in err
