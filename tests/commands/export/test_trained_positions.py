"""Learned positions that no sequence trained stay out of an exported folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lmkit.commands.export.trained_positions import with_trained_positions
from lmkit.training.checkpoints.trained_model import open_run
from tests.conftest import FAMILIES, SHAPE, Lmkit, manifest

CPU = torch.device("cpu")
SHORT = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256", "--steps", "2")


@pytest.fixture(params=["bert", "gpt2", "roberta"])
def longer(request: pytest.FixtureRequest, packed: Path, here: Path, lmkit: Lmkit) -> Path:
    """A run with 100 positions on sequences of 32 tokens, by someone who asked for it."""
    options = [*SHAPE, *FAMILIES[request.param], *SHORT, "--model.max-positions", "100"]
    exit_code, _, err = lmkit("pretrain", packed, "--output", "run", *options)
    assert exit_code == 0
    assert "100 learned positions, and sequences of 32 tokens train 32 of them" in err
    return Path("run")


def test_a_cut_table_gives_the_same_logits(longer: Path) -> None:
    run, cut = open_run(longer, CPU), with_trained_positions(open_run(longer, CPU))
    assert (run.description.config.max_positions, cut.description.config.max_positions) == (100, 32)
    assert run.description.longest == 32
    tokens_BT, positions_BT = torch.arange(32)[None], torch.arange(32)[None]
    with torch.no_grad():
        assert run.model(tokens_BT, positions_BT).equal(cut.model(tokens_BT, positions_BT))


def test_an_exported_folder_ends_where_training_did(longer: Path, lmkit: Lmkit) -> None:
    transformers = pytest.importorskip("transformers")
    exit_code, _, err = lmkit("export", longer, "--output", "hf")
    assert exit_code == 0, err
    hf_config = json.loads(Path("hf/config.json").read_text())
    length = hf_config.get("max_position_embeddings") or hf_config["n_positions"]
    settings = json.loads(Path("hf/tokenizer_config.json").read_text())
    rows_before = 1 if hf_config["model_type"] == "roberta" else 0
    assert length - rows_before == settings["model_max_length"] == 32
    details = manifest(Path("hf"))["details"]
    assert details["largest_difference"] <= 2e-5 * max(1, details["largest_logit"])
    model = transformers.AutoModel.from_pretrained("hf")
    with pytest.raises((IndexError, RuntimeError)):  # there is no position 33
        model(torch.ones((1, 33), dtype=torch.long))


def test_other_runs_are_left_as_they_are(trained: Path) -> None:
    run = open_run(trained, CPU)
    assert with_trained_positions(run) is run


def test_what_another_model_had_trained_counts_as_trained(
    runs: Callable[[str], Path], packed: Path, here: Path, lmkit: Lmkit
) -> None:
    gpt2 = runs("gpt2")  # trained on 64 positions; the sequences have 32 tokens
    exit_code, _, err = lmkit(
        *("pretrain", packed, "--output", "next", "--init-from", gpt2, *SHORT)
    )
    assert exit_code == 0 and "learned positions" not in err
    assert open_run(Path("next"), CPU).description.trained_positions == 64
