"""A Transformers folder is used like a run; what is wrong with one is reported in a line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmkit.errors import InputError
from lmkit.training.checkpoints.open_model import find_model, model_input, open_model
from lmkit.training.checkpoints.trained_model import find_run, open_run
from tests.conftest import Lmkit
from tests.huggingface.folders import BOS, EOS, GPT2, T5, change_json, make_folder

CPU = torch.device("cpu")


@pytest.fixture
def tokenizer(packed: Path) -> Path:
    return packed.parent / "tokenizer"


def test_a_run_is_opened_as_before(trained: Path) -> None:
    _, checkpoint = find_run(trained)
    assert find_model(trained) == checkpoint
    one, two = open_model(trained, CPU), open_run(trained, CPU)
    assert one.description == two.description
    assert model_input(checkpoint).records[0].path == str(checkpoint)


@pytest.mark.parametrize(
    ("options", "objective", "context", "sequence_length"),
    [
        ({}, "clm", 64, 64),
        (GPT2, "clm", 48, 48),
        (T5, "span-corruption", 40, 40),
        (
            {"architecture": "encoder", "norm": "layernorm", "activation": "geglu"},
            *("mlm", 64, 64),
        ),
        (
            {"architecture": "encoder", "position": "transformer-xl", "norm": "layernorm"}
            | {"norm_position": "post", "biases": True, "activation": "gelu"},
            *("plm", 40, 40),
        ),
    ],
)
def test_the_family_decides_what_is_predicted(
    tokenizer: Path,
    tmp_path: Path,
    options: dict[str, object],
    objective: str,
    context: int,
    sequence_length: int,
) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer, bos=BOS, eos=EOS, **options)
    opened = open_model(folder, CPU)
    description = opened.description
    assert description.learned.name == objective and not opened.model.training
    assert (description.longest, description.packing.sequence_length) == (context, sequence_length)
    assert all(parameter.isfinite().all() for parameter in opened.model.parameters())


def test_long_documents_are_divided_but_the_context_is_the_models(
    tokenizer: Path, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer)
    change_json(folder / "config.json", max_position_embeddings=131_072)
    description = open_model(folder, CPU).description
    assert (description.longest, description.packing.sequence_length) == (131_072, 8_192)


def test_half_precision_and_extra_rows_are_read(tokenizer: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer, more_rows=40)
    weights = {name: t.bfloat16() for name, t in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    model = open_model(folder, CPU).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.embedding.weight.equal(weights["model.embed_tokens.weight"].float())
    assert model.vocabulary_size == 640


def test_a_t5_without_sentinels_is_in_the_style_of_bart(tokenizer: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "hf", tokenizer, eos=EOS, **T5)
    stored = json.loads((folder / "tokenizer.json").read_text())
    text = json.dumps(stored).replace("<extra_id_", "<other_")
    (folder / "tokenizer.json").write_text(text)
    assert open_model(folder, CPU).description.learned.options.style == "bart"
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        change_json(folder / name, mask_token=None)
    with pytest.raises(InputError, match="a masked span can't be written"):
        open_model(folder, CPU)


def test_a_permutation_model_without_its_query_vector_is_refused(
    tokenizer: Path, tmp_path: Path
) -> None:
    xlnet: dict[str, object] = {
        **{"architecture": "encoder", "position": "transformer-xl", "norm": "layernorm"},
        **{"norm_position": "post", "biases": True, "activation": "gelu"},
    }
    folder = make_folder(tmp_path / "hf", tokenizer, **xlnet)
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.mask_emb"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"has no transformer\.mask_emb"):
        open_model(folder, CPU)


def test_the_current_folder_has_a_name(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_folder(tmp_path / "hf", tokenizer))
    assert find_model(Path()).name == "hf"


def truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def save_headless(folder: Path) -> None:
    """Make what AutoModel saves: a BertModel."""
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("cls.")}
    save_file(kept, folder / "model.safetensors")
    change_json(folder / "config.json", architectures=["BertModel"])


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (shutil.rmtree, "hf: no such folder"),
    (lambda f: (f / "config.json").unlink(), "hf: not a run, and not a checkpoint of one"),
    (lambda f: (f / "config.json").write_text("{"), "config.json: corrupt"),
    (lambda f: change_json(f / "config.json", model_type="mamba"), "got mamba, must be one of"),
    (lambda f: change_json(f / "config.json", hidden_size=None), "hidden_size is missing"),
    (lambda f: (f / "tokenizer.json").unlink(), "hf: has no tokenizer.json"),
    (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json: not a tokenizer"),
    (lambda f: (f / "tokenizer_config.json").write_text("{"), "tokenizer_config.json: "),
    (truncate, "model.safetensors: corrupt"),
    (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "a pickle, which can"),
    (lambda f: change_json(f / "config.json", vocab_size=500), "its tokenizer has 600 tokens"),
    (save_headless, "which a BertForMaskedLM has"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_folder_is_an_error_of_one_line(
    tokenizer: Path,
    here: Path,
    lmkit: Lmkit,
    damage: Callable[[Path], object],
    message: str,
) -> None:
    bert: dict[str, object] = {
        **{"architecture": "encoder", "position": "learned", "activation": "gelu"},
        **{"norm": "layernorm", "norm_position": "post", "biases": True},
    }
    folder = make_folder(here / "hf", tokenizer, bos=BOS, eos=EOS, **bert)
    damage(folder)
    Path("pairs.jsonl").write_text('{"sentence_good": "a b", "sentence_bad": "b a"}')
    for command in (
        ["eval", "hf", "--task", "pairs.jsonl", "--output", "scores"],
        ["generate", "hf", "--prompt", "a <mask>"],
    ):
        exit_code, out, err = lmkit(*command)
        assert exit_code in {1, 2} and not out and "Traceback" not in err
        (line,) = [line for line in err.splitlines() if line.startswith("Error: ")]
        assert message in line
        if message.startswith("hf: no"):
            assert "a Transformers folder" in err or "tokenizer.json" in line
    assert not Path("scores").exists()


def test_the_name_of_a_model_on_the_hub_is_not_downloaded(here: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("generate", "gpt2")
    assert exit_code == 2 and "gpt2: no such folder" in err and "aren't downloaded" in err
