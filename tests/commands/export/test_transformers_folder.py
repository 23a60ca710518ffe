"""The files of an exported model besides its weights."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from lmkit.commands.export.transformers_folder import check_tokenizer, files, save_weights
from lmkit.errors import LmkitError
from lmkit.huggingface.registry import family_of
from lmkit.training.checkpoints.trained_model import open_run

pytest.importorskip("transformers")
Runs = Callable[[str], Path]


def test_ids_are_in_every_file(runs: Runs) -> None:
    trained = open_run(runs("t5"), torch.device("cpu"))
    by_name = files(trained, family_of(trained.description.config))
    config = json.loads(by_name["config.json"])
    ids = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 0, "bos_token_id": None}
    assert {key: config[key] for key in ids} == ids
    assert json.loads(by_name["generation_config.json"]) == ids
    trained = open_run(runs("modernbert"), torch.device("cpu"))
    by_name = files(trained, family_of(trained.description.config))
    assert "generation_config.json" not in by_name
    assert json.loads(by_name["config.json"])["cls_token_id"] == 2


def test_weights_have_the_permissions_of_other_files(runs: Runs, tmp_path: Path) -> None:
    trained = open_run(runs("llama"), torch.device("cpu"))
    (tmp_path / "other").touch()
    save_weights(trained, family_of(trained.description.config), tmp_path / "model.safetensors")
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_tokenizer_that_differs_in_transformers_is_noticed(runs: Runs, tmp_path: Path) -> None:
    trained = open_run(runs("llama"), torch.device("cpu"))
    for name, content in files(trained, family_of(trained.description.config)).items():
        (tmp_path / name).write_bytes(content)
    check_tokenizer(tmp_path, trained)
    stored = json.loads((tmp_path / "tokenizer.json").read_text())
    stored["normalizer"] = {"type": "Lowercase"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(LmkitError, match="Transformers tokenizes 'The cat sat"):
        check_tokenizer(tmp_path, trained)


@pytest.mark.parametrize("forged", [[5], [None], [["<a>"]], {"a": 1}, 7, [{"content": 3}]])
def test_special_tokens_that_are_none_are_one_error(
    runs: Runs, tmp_path: Path, forged: object
) -> None:
    trained = open_run(runs("llama"), torch.device("cpu"))
    for name, content in files(trained, family_of(trained.description.config)).items():
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "tokenizer_config.json"
    table = json.loads(path.read_text()) | {"additional_special_tokens": forged}
    path.write_text(json.dumps(table))
    with suppress(LmkitError):  # Transformers may take or ignore some of them
        check_tokenizer(tmp_path, trained)
