"""The card contains what is known, and no more."""

import shutil
from pathlib import Path

import yaml

from lmkit.commands.export.model_card import Training, model_card
from lmkit.huggingface.parity_check import ParityResult
from lmkit.huggingface.registry import FAMILIES, family_of
from lmkit.training.checkpoints.trained_model import find_run, read_description


def card_of(run: Path) -> str:
    _, checkpoint = find_run(run)
    description = read_description(run)
    family = family_of(description.config)
    return model_card("m", family, description, Training.of(checkpoint), ParityResult(1e-6, 4.25))


def test_of_a_finished_run(trained: Path) -> None:
    card = card_of(trained)
    head = yaml.safe_load(card.split("---")[1])
    assert head["library_name"] == "transformers" and head["pipeline_tag"] == "text-generation"
    assert "at most 1.0e-06 (the largest logit is 4.25)" in card
    assert "| precision | fp32 |" in card and "## Data" in card
    assert "loss on held-out rows" in card


def test_of_an_unfinished_run(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "manifest.json").unlink()
    card = card_of(tmp_path / "run")
    assert "| objective | clm |" in card and "## Data" not in card
    assert "learning rate" not in card  # it isn't known any more


def test_every_family_has_a_task() -> None:
    from lmkit.commands.export.model_card import TASKS

    assert {family.auto for family in FAMILIES} <= TASKS.keys()
