"""Runs of each family are exported to Transformers, and used there."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lmkit.model.cost import parameters
from lmkit.training.checkpoints.trained_model import open_run
from tests.conftest import FAMILIES, POST, SHAPE, Lmkit, contents, manifest

transformers = pytest.importorskip("transformers")
Runs = Callable[[str], Path]
CLASSES = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
    "gpt_neox": "GPTNeoXForCausalLM",
    "bert": "BertForMaskedLM",
    "roberta": "RobertaForMaskedLM",
    "modernbert": "ModernBertForMaskedLM",
    "xlnet": "XLNetLMHeadModel",
    "t5": "T5ForConditionalGeneration",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trained_run_becomes_a_folder_of_transformers(
    family: str, runs: Runs, here: Path, lmkit: Lmkit
) -> None:
    exit_code, out, err = lmkit("export", runs(family), "--output", "hf")
    assert exit_code == 0, err
    assert CLASSES[family] in out and "its logits differ by at most" in out
    result = manifest(Path("hf"))
    assert result["details"]["family"] == family
    assert result["details"]["largest_difference"] <= 2e-5 * max(
        1, result["details"]["largest_logit"]
    )
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    names |= {"special_tokens_map.json", "README.md", "manifest.json"}
    if family not in {"bert", "roberta", "modernbert", "xlnet"}:
        names |= {"generation_config.json"}
    assert {path.name for path in Path("hf").iterdir()} == names
    before = contents(Path("hf"))
    assert lmkit("export", runs(family), "--output", "hf")[2].endswith("up to date\n")
    assert contents(Path("hf")) == before


@pytest.mark.parametrize("family", ["gpt2", "llama", "mistral", "qwen3", "olmo2", "gpt_neox"])
def test_it_continues_with_the_same_fifty_tokens(
    family: str, runs: Runs, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit("export", runs(family), "--output", "hf")[0] == 0
    tokenizer = transformers.AutoTokenizer.from_pretrained("hf")
    model = transformers.AutoModelForCausalLM.from_pretrained("hf")
    assert model.generation_config.eos_token_id == 3
    prompt = tokenizer("The class", return_tensors="pt")
    # lmkit never generates a special token but EOS.
    suppressed = [n for n in tokenizer.all_special_ids if n != 3]
    hf_config = model.generate(
        **prompt, max_new_tokens=50, do_sample=False, suppress_tokens=suppressed
    )[0]
    command = ["generate", runs(family), "--prompt", "The class", "--temperature", "0"]
    exit_code, out, _ = lmkit(*command, "--max-tokens", "50", "--json")
    assert exit_code == 0
    (span,) = json.loads(out)[0]["spans"]
    new = [n for n in hf_config[prompt["input_ids"].shape[1] :].tolist() if n != 3]
    actual = [tokenizer.convert_tokens_to_ids(piece["token"]) for piece in span["pieces"]]
    assert actual == new and len(actual) > 4


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen3"])
def test_a_padded_batch_continues_as_each_prompt_alone(
    family: str, runs: Runs, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit("export", runs(family), "--output", "hf")[0] == 0
    tokenizer = transformers.AutoTokenizer.from_pretrained("hf")
    model = transformers.AutoModelForCausalLM.from_pretrained("hf")
    prompts = ["The", "The class of objects", "The class"]
    options = {"max_new_tokens": 8, "do_sample": False, "suppress_tokens": [3]}
    batch = model.generate(**tokenizer(prompts, return_tensors="pt", padding=True), **options)
    for prompt, generated in zip(prompts, batch, strict=True):
        alone = model.generate(**tokenizer(prompt, return_tensors="pt"), **options)[0]
        assert generated[-8:].tolist() == alone[-8:].tolist()


def test_an_encoder_fills_the_same_mask(runs: Runs, here: Path, lmkit: Lmkit) -> None:
    assert lmkit("export", runs("bert"), "--output", "hf")[0] == 0
    fill = transformers.pipeline("fill-mask", "hf", top_k=600)
    hf_model = {each["token_str"]: each["score"] for each in fill("The<mask> of the class")}
    command = ["generate", runs("bert"), "--prompt", "The <mask> of the class", "--json"]
    exit_code, out, _ = lmkit(*command, "--temperature", "0")
    assert exit_code == 0
    alternatives = json.loads(out)[0]["spans"][0]["alternatives"]
    texts = [each["token"].replace("\u0120", " ") for each in alternatives]
    ranked = [text for text in sorted(hf_model, key=lambda t: -hf_model[t]) if text in texts]
    assert ranked == texts


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert", "xlnet"])
def test_encoders_load_as_classifiers(family: str, runs: Runs, here: Path, lmkit: Lmkit) -> None:
    assert lmkit("export", runs(family), "--output", "hf")[0] == 0
    auto = transformers.AutoModelForSequenceClassification
    model = auto.from_pretrained("hf", num_labels=3)
    tokenizer = transformers.AutoTokenizer.from_pretrained("hf")
    batch = tokenizer(["The class", "of objects and"], padding=True, return_tensors="pt")
    assert model(**batch).logits.shape == (2, 3)


def test_its_weights_are_those_of_the_checkpoint(runs: Runs, here: Path, lmkit: Lmkit) -> None:
    assert lmkit("export", runs("llama"), "--output", "hf")[0] == 0
    trained = open_run(runs("llama"), torch.device("cpu"))
    hf_model = load_file("hf/model.safetensors")
    assert hf_model["model.embed_tokens.weight"].equal(trained.model.embedding.weight)
    assert sum(t.numel() for t in hf_model.values()) == parameters(
        trained.description.config, trained.description.vocabulary_size
    )
    assert {t.dtype for t in hf_model.values()} == {torch.float32}


def test_one_checkpoint_can_be_named(trained: Path, here: Path, lmkit: Lmkit) -> None:
    checkpoint = trained / "checkpoints" / "step-00000004"
    assert lmkit("export", checkpoint, "--output", "four")[0] == 0
    assert lmkit("export", trained, "--output", "last")[0] == 0
    assert manifest(Path("four"))["details"]["checkpoint"] == "step-00000004"
    assert (
        Path("four/model.safetensors").read_bytes() != Path("last/model.safetensors").read_bytes()
    )
    exit_code, _, err = lmkit("export", trained, "--output", "four")
    assert exit_code == 2 and "was made with other options or inputs" in err


def test_the_card_contains_what_the_manifests_record(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit("export", trained, "--output", "my-model")[0] == 0
    card = Path("my-model/README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    for line in (
        "# my-model",
        'AutoModelForCausalLM.from_pretrained("my-model")',
        "| objective | clm |",
        "| steps | 8 |",
        "| tokens in a batch | 256 |",
        "| packed | 100.0% | ",
    ):
        assert line in card
    assert str(trained.parent) not in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model.position", "alibi"], "--model.position alibi (it has rotary)"),
        (["--model.norm", "layernorm"], "--model.norm layernorm (it has rmsnorm)"),
    ],
)
def test_unsupported_options_are_refused_by_name(
    options: list[str], message: str, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    training = ["--device", "cpu", "--precision", "fp32", "--steps", "1", "--batch-tokens", "64"]
    shape = ["--model.layers", "1", "--model.hidden-size", "32", "--model.heads", "2"]
    assert lmkit("pretrain", packed, "--output", "run", *training, *shape, *options)[0] == 0
    exit_code, out, err = lmkit("export", "run", "--output", "hf")
    assert exit_code == 2 and not out and message in " ".join(err.split())
    assert not Path("hf").exists()


def test_without_the_library_nothing_is_written(
    trained: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    exit_code, _, err = lmkit("export", trained, "--output", "hf")
    assert exit_code == 2 and "pip install 'transformers>=5.2,<6'" in err
    assert not Path("hf").exists()


def test_different_logits_leave_no_files(
    trained: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmkit.huggingface.parity_check.TOLERANCE", 1e-12)
    exit_code, out, err = lmkit("export", trained, "--output", "hf")
    assert exit_code == 1 and not out and "not exported" in err
    assert {path.name for path in Path("hf").iterdir()} <= {".partial", ".lock"}
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert lmkit("export", trained, "--output", "hf")[0] == 0


def test_corrupt_and_wrong_inputs(trained: Path, here: Path, lmkit: Lmkit) -> None:
    shutil.copytree(trained, "run")
    exit_code, _, err = lmkit("export", "run", "--output", "hf", "--separator", "none")
    assert exit_code == 2 and "--separator: has a meaning only for a packed folder" in err
    exit_code, _, err = lmkit("export", "run", "run", "--output", "hf")
    assert exit_code == 2 and "INPUTS: got 2" in err
    exit_code, _, err = lmkit("export", "run", "--output", "run/hf")
    assert exit_code == 2 and "is inside the input" in err
    exit_code, _, err = lmkit("export", "nowhere", "--output", "hf")
    assert exit_code == 2 and "no such folder" in err
    for step in Path("run/checkpoints").glob("step-*"):
        (step / "model.safetensors").write_bytes(b"")
    exit_code, _, err = lmkit("export", "run", "--output", "hf")
    assert exit_code in {1, 2} and "checkpoint" in err and "Traceback" not in err


def test_a_roberta_whose_padding_has_another_id_is_not_exported(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    training = ["--device", "cpu", "--precision", "fp32", "--steps", "1", "--batch-tokens", "64"]
    options = ["--model.first-position", "2", "--objective", "mlm"]
    model = [*SHAPE, *POST, "--model.position", "learned"]
    assert lmkit("pretrain", packed, "--output", "run", *training, *model, *options)[0] == 0
    exit_code, out, err = lmkit("export", "run", "--output", "hf")
    assert exit_code == 2 and not out and "padding has id 0" in " ".join(err.split())
    assert not Path("hf").exists()
