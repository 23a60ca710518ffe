from pathlib import Path

import pytest

from lmkit.commands.pipeline.stage_file import Stage, StageFile, chosen
from lmkit.errors import ConfigError

CLEAN = '[[stage]]\ncommand = "clean"\noutput = "out"\n'


def stages(folder: Path, text: str) -> list[Stage]:
    (folder / "p.toml").write_text(text)
    return StageFile.at(folder / "p.toml").stages()


def test_a_stage_is_called_as_its_command_unless_it_has_a_name(tmp_path: Path) -> None:
    found = stages(tmp_path, f'{CLEAN}filters.preset = "books"\n{CLEAN}name = "again"\n')
    assert [each.name for each in found] == ["clean", "again"]
    assert found[0].config.model_dump()["filters"]["preset"] == "books"
    assert found[0].output == Path("out")


def test_paths_are_relative_to_the_folder_below_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(f'folder = "sub"\n{CLEAN}')
    assert StageFile.at(tmp_path / "p.toml").folder == tmp_path / "sub"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[stage", "p.toml: "),
        ("", "p.toml: no stages"),
        ("stages = 1", "stages: no such key; did you mean stage?"),
        ("folder = 1", "folder: got 1, must be a path"),
        ("stage = 1", "stage: must be a list of tables"),
        ('[[stage]]\noutput = "x"', "stage 1: command: missing, must be a command of lmkit"),
        ('[[stage]]\ncommand = "claen"', "got claen, must be a command of lmkit; did you mean cle"),
        ('[[stage]]\ncommand = "pipeline"', "got pipeline, must be a command"),
        (CLEAN + "name = 3", "stage 1: name: got 3, must be a text"),
        (CLEAN + CLEAN, "stage 2: another stage is called clean"),
        (CLEAN + "seeed = 3", "clean.seeed: no such option; did you mean seed?"),
        (CLEAN + "filters.min_letters = 3", "clean.filters.min_letters: got 3, must be at most 1"),
        (CLEAN + 'filters.rules = "url"', "p.toml: clean: --filters.rules: got url, must have"),
        (CLEAN + 'recipe = "finewb"', "p.toml: clean: --recipe: got finewb, no such recipe; did"),
        (CLEAN + 'plugin = "mine.py"', "p.toml: clean.plugin: a file can't load a plugin"),
        ('[[stage]]\ncommand = "clean"', "p.toml: clean: --output: missing"),
    ],
)
def test_a_mistake_is_named_with_its_stage_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stages(tmp_path, text)
    assert message in caught.value.message


def test_stages_are_chosen_from_one_to_another(tmp_path: Path) -> None:
    found = stages(tmp_path, "".join(f'{CLEAN}name = "{name}"\n' for name in "abc"))
    names = [stage.name for stage in chosen(found, "b", None)]
    assert names == ["b", "c"] and len(chosen(found, None, "b")) == 2
    with pytest.raises(ConfigError, match="--from: got c, which comes after --to a"):
        chosen(found, "c", "a")
    with pytest.raises(ConfigError, match="--to: got d, no such stage"):
        chosen(found, None, "d")
