import json
import shutil
from pathlib import Path

import orjson
import pytest
import torch

from lmkit import generate
from lmkit.commands.generate.options import GenerateConfig
from lmkit.training.checkpoints.trained_model import open_run
from tests.conftest import Lmkit


def test_temperature_zero_generates_the_most_likely_tokens(trained: Path) -> None:
    (sample,) = generate(GenerateConfig(run=trained, prompt="The ", temperature=0, max_tokens=6))
    opened = open_run(trained, torch.device("cpu"))
    ids = [opened.description.bos or 0, *opened.tokenizer.encode("The ").tolist()]
    banned = sorted(set(opened.tokenizer.special.tolist()) - {opened.description.eos})
    for _ in range(6):
        with torch.no_grad():
            logits = opened.model(torch.tensor([ids]), torch.arange(len(ids))[None])[0, -1]
        logits[banned] = -torch.inf
        if int(logits.argmax()) == opened.description.eos:
            break
        ids.append(int(logits.argmax()))
    assert sample.text == opened.tokenizer.decode(ids)


def test_a_seed_generates_the_same_and_samples_differ(trained: Path, lmkit: Lmkit) -> None:
    command = ["generate", trained, "--prompt", "The ", "--samples", "2", "--seed", "5", "--json"]
    first, again = lmkit(*command), lmkit(*command)
    assert first == again
    one, two = json.loads(first[1])
    assert one["text"] != two["text"]
    assert one["text"].startswith("The ")
    assert one["text"] == json.loads(lmkit(*[*command, "--samples", "1"])[1])[0]["text"]


def test_without_a_prompt_a_new_document_is_generated(trained: Path, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("generate", trained, "--max-tokens", "5")
    assert exit_code == 0 and out


def test_prompt_and_text_may_be_longer_than_training_sequences(trained: Path, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("generate", trained, "--prompt", "word " * 90, "--max-tokens", "40")
    assert exit_code == 0 and out.startswith("word " * 90)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--temperature", "-1"], "--temperature: got -1, must be at least 0"),
        (["--top-p", "0"], "--top-p: got 0, must be more than 0"),
        (["--top-k", "many"], "--top-k: got many, must be a whole number"),
    ],
)
def test_invalid_settings_are_refused(
    trained: Path, lmkit: Lmkit, flags: list[str], message: str
) -> None:
    exit_code, _, err = lmkit("generate", trained, *flags)
    assert exit_code == 2 and message in err


def test_a_replaced_tokenizer_is_refused(trained: Path, here: Path, lmkit: Lmkit) -> None:
    shutil.copytree(trained, "run")
    path = Path("run/tokenizer/tokenizer.json")
    path.write_text(path.read_text() + "\n")
    exit_code, _, err = lmkit("generate", "run")
    assert exit_code == 2 and "not the tokenizer that run/model.json was trained with" in err


def test_a_run_with_only_corrupt_checkpoints_is_refused(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    shutil.copytree(trained, "run")
    for path in Path("run/checkpoints").glob("step-*/model.safetensors"):
        path.write_bytes(path.read_bytes()[:99])
    exit_code, _, err = lmkit("generate", "run")
    assert exit_code == 1 and "no intact checkpoint" in err and "is corrupt" in err


@pytest.mark.parametrize("prompt", ["caf\udce9", "The \ud800"])
def test_bytes_that_are_not_utf8_give_json_that_every_parser_takes(
    trained: Path, lmkit: Lmkit, prompt: str
) -> None:
    exit_code, out, _ = lmkit(
        "generate", trained, "--prompt", prompt, "--max-tokens", "3", "--json"
    )
    (sample,) = orjson.loads(out)
    assert exit_code == 0 and sample["prompt"] == prompt[:-1] + "\ufffd"
