"""A model that Python opens gives what the commands give."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import lmkit as package
from lmkit.errors import ConfigError, InputError
from lmkit.evaluation.text_score import Score
from lmkit.python.loaded_model import LoadedModel, load
from tests.conftest import Lmkit, prose

Runs = Callable[[str], Path]
TEXTS = [*prose(5, words=90), "", "A word."]


def answers(lmkit: Lmkit, *command: str | Path) -> list[Any]:
    exit_code, out, err = lmkit("generate", *command, "--json")
    assert exit_code == 0, err
    return json.loads(out) if out.startswith("[") else [json.loads(x) for x in out.splitlines()]


def as_json(samples: list[Any]) -> list[Any]:
    return json.loads(json.dumps([each.to_json() for each in samples]))


def test_it_generates_what_the_command_generates(trained: Path, here: Path, lmkit: Lmkit) -> None:
    model = package.load(str(trained), device="cpu")
    found = model.generate("The class", max_tokens=9, samples_each=2, seed=3)
    options = ("--max-tokens", "9", "--samples", "2", "--seed", "3", "--device", "cpu")
    expected = answers(lmkit, trained, "--prompt", "The class", *options)
    assert as_json(found) == expected
    Path("p.txt").write_text("The class\nAn object\n")
    several = model.generate(["The class", "An object"], max_tokens=9, samples_each=2, seed=3)
    expected = answers(lmkit, trained, "--prompts", "p.txt", *options)
    assert as_json(several) == expected
    assert model.generate([]) == []


def test_an_encoder_fills_masks(runs: Runs, lmkit: Lmkit) -> None:
    model = load(runs("bert"), "cpu")
    (sample,) = model.generate("The <mask> of the class", alternatives=3)
    options = ("--prompt", "The <mask> of the class", "--alternatives", "3", "--device", "cpu")
    assert as_json([sample]) == answers(lmkit, runs("bert"), *options)
    assert "mask 1" in repr(sample) and len(repr(sample).splitlines()) == 4


@pytest.mark.parametrize("family", ["llama", "bert", "xlnet", "t5"])
def test_scores_by_token_add_up_to_those_of_eval(
    runs: Runs, here: Path, lmkit: Lmkit, family: str
) -> None:
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(TEXTS))
    Path("d.jsonl").write_text("\n".join(lines))
    exit_code, out, err = lmkit(
        "eval", runs(family), "--data", "d.jsonl", "--json", "--device", "cpu"
    )
    assert exit_code == 0, err
    expected = json.loads(out)
    found = load(runs(family), "cpu").score(TEXTS)
    total = sum((each.score for each in found), start=Score(0, 0, 0))
    assert [each.text for each in found] == TEXTS
    assert (total.tokens, total.bytes) == (expected["tokens"], expected["bytes"])
    assert total.loss == pytest.approx(expected["loss"], rel=1e-5)
    if family == "llama":
        assert total.bits_per_byte == pytest.approx(expected["bits_per_byte"], rel=1e-5)


@pytest.mark.parametrize("family", ["llama", "bert", "t5"])
def test_embeddings_are_the_hidden_states_of_transformers(
    runs: Runs, here: Path, lmkit: Lmkit, family: str
) -> None:
    transformers = pytest.importorskip("transformers")
    assert lmkit("export", runs(family), "--output", "hf")[0] == 0
    tokenizer = transformers.AutoTokenizer.from_pretrained("hf")
    peer = transformers.AutoModel.from_pretrained("hf", dtype=torch.float32)
    peer = peer.encoder if family == "t5" else peer
    texts = ["The class of objects", "A word.", "and what it does when it is called"]
    expected: dict[str, list[torch.Tensor]] = {"mean": [], "last": [], "cls": []}
    with torch.no_grad():
        for text in texts:
            states_TD = peer(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
            expected["mean"].append(states_TD.mean(0))
            expected["last"].append(states_TD[-1])
            expected["cls"].append(states_TD[0])
    for path in (runs(family), "hf"):
        model = load(path, "cpu")
        for pooling in ("mean", "last", "cls") if family != "t5" else ("mean", "last"):
            torch.testing.assert_close(
                model.embed(texts, pooling), torch.stack(expected[pooling]), atol=1e-4, rtol=1e-4
            )
        assert model.embed("A word.").shape == (1, 32)


def test_a_checkpoint_and_a_transformers_folder_can_be_opened(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit("export", trained, "--output", "hf")[0] == 0
    step = load(trained / "checkpoints" / "step-00000004", "cpu")
    last, hf = load(trained, "cpu"), load("hf", "cpu")
    assert step.checkpoint.name == "step-00000004" != last.checkpoint.name
    assert not torch.equal(step.embed("A word."), last.embed("A word."))
    torch.testing.assert_close(hf.embed("A word."), last.embed("A word."))
    with pytest.raises(InputError, match="nowhere: no such folder"):
        load("nowhere")


def test_it_says_what_it_is(trained: Path) -> None:
    model = load(trained, "cpu")
    assert isinstance(model, LoadedModel) and not model.model.training
    lines = repr(model).splitlines()
    assert lines[0] == f"<lmkit model: {trained}>" and len(lines) == 6
    assert "decoder, " in lines[2] and "clm, on 32 tokens" in lines[3]
    assert model._repr_html_().startswith("<table><caption>lmkit model: ")


def test_wrong_options_are_named(trained: Path) -> None:
    model = load(trained, "cpu")
    with pytest.raises(ConfigError, match="temperature: "):
        model.generate("a", temperature=-1)
    with pytest.raises(ConfigError, match="pooling: got 'max', must be mean, last, cls"):
        model.embed("a", "max")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"prompts\[0\]: "):
        load(trained, "cpu").generate(["a", "b"], suffix="x")
