"""Inspection of a Transformers folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmkit.artifacts.manifest import Manifest
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.transformers_sections import exported_sections, transformers_sections
from lmkit.training.checkpoints.open_model import open_model
from tests.conftest import Lmkit, manifest
from tests.huggingface.folders import BOS, GPT2, change_json, make_folder


@pytest.fixture
def folder(packed: Path, here: Path) -> Path:
    return make_folder(here / "hf", packed.parent / "tokenizer", bos=BOS, more_rows=40, **GPT2)


def test_a_folder_shows_its_model_and_its_tokenizer(folder: Path, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("inspect", "hf", "--json")
    found = json.loads(out)
    assert exit_code == 0 and not found["problems"]
    parts = {name: found["architecture"][name] for name in ("class", "objective", "layers")}
    assert parts == {"class": "GPT2LMHeadModel", "objective": "clm", "layers": 2}
    model = open_model(folder, torch.device("cpu")).model
    assert found["weights"]["parameters"] == sum(p.numel() for p in model.parameters())
    assert found["weights"]["dtype"] == "F32" and found["weights"]["files"] == 1
    assert found["vocabulary"] == {"embedding_rows": 640, "tokens": 600, "unused_rows": 40}
    assert found["context"] == {"tokens": 48}
    assert found["tokenizer"]["before_a_text"] == "<s> (2)"
    assert "model.safetensors" in [row["name"] for row in found["outputs"]]
    exit_code, out, _ = lmkit("inspect", "hf")
    assert exit_code == 0 and "GPT2LMHeadModel" in out
    assert lmkit("inspect", "hf", "--text", "Once upon")[1].startswith("pieces")


def test_tied_matrices_and_buffers_are_not_counted(folder: Path) -> None:
    before = transformers_sections(folder)["weights"]["parameters"]
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["transformer.wte.weight"].clone()
    weights["transformer.h.0.attn.bias"] = torch.ones(1, 1, 48, 48)
    save_file({name: t.half() for name, t in weights.items()}, folder / "model.safetensors")
    found = transformers_sections(folder)["weights"]
    assert (found["parameters"], found["dtype"]) == (before, "F16")


def test_what_is_wrong_is_a_problem_and_the_rest_is_shown(folder: Path, lmkit: Lmkit) -> None:
    (folder / "model.safetensors").write_bytes(b"x")
    (folder / "tokenizer.json").unlink()
    found = transformers_sections(folder)
    assert found["architecture"]["layers"] == 2 and not found["weights"]
    corrupt, missing = (row["text"] for row in found["problems"])
    assert "model.safetensors: corrupt" in corrupt and "has no tokenizer.json" in missing
    change_json(folder / "config.json", model_type="mamba")
    exit_code, out, _ = lmkit("inspect", "hf")
    assert exit_code == 0 and "got mamba, must be one of" in out and "n embd" in out
    (folder / "config.json").write_text("{")
    exit_code, out, _ = lmkit("inspect", "hf")
    assert exit_code == 0 and "config.json: corrupt" in out


@pytest.mark.parametrize("option", [["--rules"], ["--task", "blimp"], ["--document", "1"]])
def test_options_about_documents_and_scores_are_refused(
    folder: Path, lmkit: Lmkit, option: list[str]
) -> None:
    exit_code, _, err = lmkit("inspect", "hf", *option)
    assert exit_code == 2 and f"{option[0]}: hf is a Transformers folder" in err


def test_an_exported_run_shows_its_manifest_and_its_model(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    pytest.importorskip("transformers")
    assert lmkit("export", trained, "--output", "hf")[0] == 0
    found = json.loads(lmkit("inspect", "hf", "--json")[1])
    assert found["made"]["stage"] == "export" and found["details"]["family"] == "llama"
    assert found["architecture"]["class"] == "LlamaForCausalLM"
    assert found["weights"]["parameters"] == found["details"]["parameters"]
    Path("hf/tokenizer.json").unlink()
    opened = OpenedFolder(Path("hf"), Manifest.model_validate(manifest(Path("hf"))))
    (problem,) = exported_sections(opened)["model_problems"]
    assert "has no tokenizer.json" in problem["text"]


def test_neither_torch_nor_transformers_is_needed(folder: Path) -> None:
    script = (
        "import sys; from lmkit.cli import main; code = main(sys.argv[1:]);"
        "assert not {'torch', 'transformers'} & sys.modules.keys(); sys.exit(code)"
    )
    run = [sys.executable, "-c", script, "inspect", str(folder)]
    subprocess.run(run, check=True, capture_output=True)
