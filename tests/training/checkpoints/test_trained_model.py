import json
import shutil
from pathlib import Path

import pytest
import torch

from lmkit.errors import InputError
from lmkit.training.checkpoints.trained_model import find_run, open_run, read_description


def test_a_run_is_used_with_its_best_checkpoint_and_each_can_be_given(trained: Path) -> None:
    best = json.loads((trained / "checkpoints/index.json").read_text())["best"]
    assert find_run(trained) == (trained, trained / "checkpoints" / best)
    first = trained / "checkpoints/step-00000004"
    assert find_run(first)[1] == first
    assert open_run(first, torch.device("cpu")).step == 4


def test_an_opened_model_is_in_evaluation_mode(trained: Path) -> None:
    opened = open_run(trained, torch.device("cpu"))
    assert not opened.model.training
    assert all(parameter.isfinite().all() for parameter in opened.model.parameters())
    assert opened.tokenizer.size == opened.description.vocabulary_size == 600


@pytest.mark.parametrize("text", ["", "{}", '{"model": 3}'])
def test_a_corrupt_description_is_named(trained: Path, here: Path, text: str) -> None:
    shutil.copytree(trained, "run")
    Path("run/model.json").write_text(text)
    with pytest.raises(InputError, match=r"model\.json: corrupt"):
        read_description(Path("run"))


def test_a_run_without_a_checkpoint_is_refused(trained: Path, here: Path) -> None:
    shutil.copytree(trained, "run", ignore=shutil.ignore_patterns("step-*"))
    with pytest.raises(InputError, match="no checkpoint yet"):
        find_run(Path("run"))
