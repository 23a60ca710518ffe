import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, model_validator

from lmkit.config import Group, StageConfig
from lmkit.config_values import load
from lmkit.errors import ConfigError


class Optim(Group):
    """How to learn."""

    lr: Annotated[float, Field(gt=0)] = 0.1
    """Step size."""


class ToyConfig(StageConfig):
    """A stage that is only here to have options."""

    stage = "toy"
    output_patterns = ("*.toy",)

    limit: int | None = 3
    """Something that can be off."""

    steps: Annotated[int, Field(ge=0)] = 10
    """How long to learn."""

    optim: Optim = Optim()

    @model_validator(mode="after")
    def check_steps(self) -> "ToyConfig":
        if self.steps == 13:
            raise ValueError("13 steps bring bad luck")
        return self


NEEDED = {"inputs": ["a.txt"], "output": "out"}


def toml(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text)
    return path


def complaint(file: Path | None, flags: Mapping[str, object]) -> str:
    with pytest.raises(ConfigError) as error:
        load(ToyConfig, file, flags)
    return str(error.value)


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toy]\nsteps = 20\n[toy.optim]\nlr = 0.2\n")
    config = load(ToyConfig, file, NEEDED | {"optim.lr": "0.3"})
    assert (config.steps, config.optim.lr, config.overwrite) == (20, 0.3, False)


def test_a_required_option_may_come_from_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, '[toy]\ninputs = ["a.txt"]\noutput = "out"\n')
    assert load(ToyConfig, file, {}).output == Path("out")


def test_a_missing_option_is_called_what_a_person_would_type() -> None:
    assert complaint(None, {}).startswith("--output: missing")


def test_a_bad_flag_is_called_a_flag() -> None:
    flags = NEEDED | {"steps": "-3", "optim.lr": "fast"}
    assert complaint(None, flags).splitlines() == [
        "--steps: got -3, must be at least 0",
        "--optim.lr: got fast, must be a number",
    ]


def test_a_bad_value_in_a_file_is_called_by_file_table_and_key(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toy.optim]\nlr = 0\n")
    assert complaint(file, NEEDED) == f"{file}: toy.optim.lr: got 0, must be more than 0.0"


def test_a_rule_about_several_options_speaks_for_itself() -> None:
    assert complaint(None, NEEDED | {"steps": "13"}) == "13 steps bring bad luck"


def test_a_value_where_a_group_belongs_is_not_silently_ignored(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toy]\noptim = 3\n")
    for flags in (NEEDED, NEEDED | {"optim.lr": "1"}):
        assert complaint(file, flags) == f"{file}: toy.optim: got 3, must be a table"


def test_an_unknown_key_gets_a_suggestion(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toy]\nstep = 1\n")
    assert complaint(file, NEEDED) == f"{file}: toy.step: no such option; did you mean steps?"


def test_a_misspelled_table_is_not_silently_ignored(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toyy]\nsteps = 1\n")
    assert complaint(file, NEEDED) == f"{file}: no options for toy; did you mean toyy?"


def test_a_key_outside_any_table_is_not_silently_ignored(tmp_path: Path) -> None:
    assert "steps is outside any table" in complaint(toml(tmp_path, "steps = 1\n"), NEEDED)


def test_a_manifest_of_another_stage_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text('{"stage": "other", "config": {}}')
    assert complaint(file, NEEDED) == f"{file}: no options for toy"


@pytest.mark.parametrize("name", ["run.toml", "manifest.json"])
def test_a_broken_or_missing_file_is_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    assert str(file) in complaint(file, NEEDED)
    file.write_text("{{")
    assert str(file) in complaint(file, NEEDED)


def test_what_can_be_off_takes_the_word_none(tmp_path: Path) -> None:
    assert load(ToyConfig, None, NEEDED | {"limit": "none"}).limit is None
    file = toml(tmp_path, '[toy]\nlimit = "none"\n')
    assert load(ToyConfig, file, NEEDED).limit is None
    assert "--steps: got none, must be a whole number" in complaint(
        None, NEEDED | {"steps": "none"}
    )


@pytest.mark.parametrize(
    ("typed", "number"),
    [("1e3", 1000), ("2.5E+6", 2_500_000), ("0e0", 0), ("9007199254740993e0", 2**53 + 1)],
)
def test_a_whole_number_may_be_a_power_of_ten(typed: str, number: int, tmp_path: Path) -> None:
    config = load(ToyConfig, None, {"inputs": [typed], "output": typed, "steps": typed})
    assert config.steps == number
    assert (config.inputs, config.output) == ((Path(typed),), Path(typed))
    assert load(ToyConfig, None, NEEDED | {"limit": typed}).limit == number
    assert load(ToyConfig, toml(tmp_path, f"[toy]\nlimit = {typed}\n"), NEEDED).limit is not None


@pytest.mark.parametrize("typed", ["1e-3", "1.25e1", "e3", "1e", "1e99", "1e999999999", "-1e3"])
def test_what_is_no_whole_number_or_too_large_is_refused(typed: str) -> None:
    assert "--steps: got" in complaint(None, NEEDED | {"steps": typed})


@pytest.mark.parametrize("value", ["inf", "nan", "-inf"])
def test_a_number_must_be_finite(value: str) -> None:
    assert "--optim.lr: got" in complaint(None, NEEDED | {"optim.lr": value})


def test_an_empty_path_is_a_mistake() -> None:
    assert complaint(None, {"inputs": ["a.txt"], "output": ""}) == (
        "--output: got nothing, must be a path"
    )


def test_a_preset_that_is_typed_drops_what_a_file_says_beside_another(tmp_path: Path) -> None:
    from lmkit.commands.clean.options import CleanConfig

    made = CleanConfig(inputs=(Path("a"),), output=Path("b"))
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"stage": "clean", "config": made.model_dump(mode="json")}))
    assert load(CleanConfig, file, {}).filters.min_characters == 25
    assert load(CleanConfig, file, {"filters.preset": "none"}).filters.min_characters is None


def test_what_a_toml_file_changes_of_a_preset_holds_for_a_typed_preset_too(tmp_path: Path) -> None:
    from lmkit.commands.pretrain.options import PretrainConfig

    file = toml(tmp_path, "[pretrain.model]\nlayers = 2\n[pretrain.optim]\nlr = 0.01")
    model = load(PretrainConfig, file, NEEDED | {"model.preset": "bert-base"}).model
    assert (model.preset, model.layers, model.hidden_size) == ("bert-base", 2, 768)


@pytest.mark.parametrize("text", ['{"stage": ["clean"], "config": {}}', "[" * 5_000, "[]"])
def test_a_strange_json_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    assert str(file) in complaint(file, NEEDED)


def test_a_misspelled_table_beside_the_right_one_is_not_silently_ignored(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toy]\nsteps = 1\n[toyy.optim]\nlr = 1\n")
    assert complaint(file, NEEDED) == f"{file}: [toyy]: no such command; did you mean toy?"
