import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lmkit.errors import LmkitError
from lmkit.training.checkpoints.layout import MODEL
from lmkit.training.checkpoints.saved_weights import load_weights, saved_weights, weights


def test_the_weights_of_a_checkpoint_are_loaded_by_name(tmp_path: Path) -> None:
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    save_file({name: each.detach() for name, each in weights(one).items()}, tmp_path / MODEL)
    load_weights(saved_weights(tmp_path, weights(other)), other)
    assert all(torch.equal(weights(one)[name], each) for name, each in weights(other).items())


def test_weights_of_another_shape_or_name_are_refused(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    save_file({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, tmp_path / MODEL)
    with pytest.raises(LmkitError, match="not those of this model, such as weight"):
        load_weights(saved_weights(tmp_path, weights(model)), model)
    save_file({"weight": torch.zeros(2, 3)}, tmp_path / MODEL)
    with pytest.raises(LmkitError, match="such as bias"):
        load_weights(saved_weights(tmp_path, weights(model)), model)


def test_a_tied_weight_has_its_first_name() -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    assert list(weights(model)) == ["0.weight"]


def test_whoever_uses_a_trained_model_imports_nothing_of_sharded_tensors() -> None:
    code = "import sys, lmkit.training.checkpoints.open_model as _; "
    code += "sys.exit('torch.distributed.tensor' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
