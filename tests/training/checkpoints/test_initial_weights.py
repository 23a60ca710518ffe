"""Runs with initial weights from another model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lmkit.errors import InputError
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.initial_weights import InitialWeights, copy_weights
from lmkit.training.checkpoints.trained_model import open_run
from tests.conftest import FAMILIES, Lmkit, contents, manifest

pytest.importorskip("transformers")
Runs = Callable[[str], Path]
TRAINING = (
    *("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256"),
    # auto would be another in a longer run
    *("--optim.lr", "1e-3", "--schedule.warmup-steps", "100"),
)


@pytest.mark.parametrize("family", FAMILIES)
def test_export_import_and_export_again_preserve_every_bit(
    family: str, runs: Runs, here: Path, lmkit: Lmkit
) -> None:
    objective = (
        FAMILIES[family][FAMILIES[family].index("--objective") :][:2]
        if ("--objective" in FAMILIES[family])
        else ()
    )
    assert lmkit("export", runs(family), "--output", "one")[0] == 0
    packed = runs(family).parent / "packed"
    # A learning rate without effect: updates this small are rounded away.
    still = ("--steps", "1", "--optim.lr", "1e-30", "--optim.weight-decay", "0")
    command = ["pretrain", packed, "--output", "run", "--init-from", "one", *TRAINING]
    exit_code, _, err = lmkit(*command, *still, *objective)
    assert exit_code == 0, err
    assert lmkit("export", "run", "--output", "two")[0] == 0
    assert Path("one/config.json").read_bytes() == Path("two/config.json").read_bytes()
    one, two = (load_file(f"{name}/model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    moved = {name for name in one if not one[name].equal(two[name])}
    # A number that was 0 has changed by 1e-30.
    assert all((one[name] - two[name]).abs().max() < 1e-25 for name in moved)
    assert all(not one[name].any() or "bias" in name for name in moved)


def test_a_run_and_a_checkpoint_can_be_initial_weights(
    trained: Path, packed: Path, here: Path
) -> None:
    tokenizer = Tokenizer.load(packed / "tokenizer")
    run = InitialWeights.at(trained)
    checkpoint = InitialWeights.at(trained / "checkpoints" / "step-00000004")
    assert run.config == checkpoint.config == ModelConfig.model_validate({"preset": "tiny-decoder"})
    model = Transformer(run.config, tokenizer.size)
    copy_weights(model, run.load(tokenizer))
    expected = open_run(trained, torch.device("cpu")).model
    assert all(
        tensor.equal(other)
        for tensor, other in zip(model.parameters(), expected.parameters(), strict=True)
    )
    four, last = dict(checkpoint.load(tokenizer)), dict(run.load(tokenizer))
    assert not four["embedding.weight"].equal(last["embedding.weight"])


def test_the_first_loss_is_the_last_of_the_other_run(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    before = manifest(trained)["details"]["validation_loss"]
    command = ["pretrain", packed, "--output", "run", "--init-from", trained, *TRAINING]
    tiny = ("--steps", "1", "--optim.lr", "1e-9")
    assert lmkit(*command, *tiny)[0] == 0
    assert manifest(Path("run"))["details"]["validation_loss"] == pytest.approx(before, rel=1e-5)
    again = contents(Path("run"))
    assert "up to date" in lmkit(*command, *tiny)[2]
    assert contents(Path("run")) == again


def extended(folder: Path, place: Path, more: list[str]) -> Tokenizer:
    """The same tokenizer with additional tokens, in another order."""
    shutil.copytree(folder, place)
    stored = json.loads((place / "tokenizer.json").read_text())
    vocabulary: dict[str, int] = stored["model"]["vocab"]
    size = max(max(vocabulary.values()), *(t["id"] for t in stored["added_tokens"])) + 1
    for number, text in enumerate(more):
        vocabulary[text] = size + number
    a, b = [text for text in vocabulary if len(text) == 1][:2]
    vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
    (place / "tokenizer.json").write_text(json.dumps(stored))
    return Tokenizer.load(place)


def test_rows_are_matched_by_token_and_new_ones_start_at_the_mean(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Tokenizer.load(trained / "tokenizer")
    new = extended(trained / "tokenizer", here / "grown", ["\u2620new", "\u2620er"])
    initial_weights = InitialWeights.at(trained)
    before, after = (
        dict(initial_weights.load(old))["embedding.weight"],
        dict(initial_weights.load(new))["embedding.weight"],
    )
    assert "2 tokens are new to it; they start at the mean" in capsys.readouterr().err
    assert after.shape[0] == new.size == old.size + 2
    for text, row in old.vocabulary.items():
        assert after[new.vocabulary[text]].equal(before[row])
    mean = before.double().mean(0)
    for text in ("\u2620new", "\u2620er"):
        assert torch.allclose(after[new.vocabulary[text]].double(), mean, atol=1e-7)


def test_ngrams_are_taken_where_their_tokens_have_the_same_ids(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    ngrams = ("--model.ngram-length", "3", "--model.ngram-rows", "100")
    shape = ("--model.layers", "1", "--model.hidden-size", "16", "--model.heads", "2")
    command = ["pretrain", packed, "--output", "run", *ngrams, *shape, *TRAINING, "--steps", "2"]
    assert lmkit(*command)[0] == 0
    initial_weights = InitialWeights.at(Path("run"))
    found = dict(initial_weights.load(Tokenizer.load(packed / "tokenizer")))
    assert found["ngram_embedding.tables.1.weight"].any()
    with pytest.raises(InputError, match="other ids"):
        initial_weights.load(extended(packed / "tokenizer", here / "grown", ["\u2620new"]))
    exit_code, _, err = lmkit("export", "run", "--output", "hf")
    assert exit_code == 2 and "--model.ngram-length" in err and not Path("hf").exists()


def test_a_larger_vocabulary_trains(runs: Runs, here: Path, lmkit: Lmkit) -> None:
    """Encoders have a bias for each token, too, and untied models another matrix."""
    for family in ("bert", "qwen3"):
        assert lmkit("export", runs(family), "--output", f"hf-{family}")[0] == 0
        new = extended(Path(f"hf-{family}"), here / f"grown-{family}", ["\u2620new"])
        found = dict(InitialWeights.at(Path(f"hf-{family}")).load(new))
        config = InitialWeights.at(Path(f"hf-{family}")).config
        model = Transformer(config, new.size)
        copy_weights(model, found.items())
        of_tokens = {"embedding.weight", "output.weight", "output_bias"} & found.keys()
        assert len(of_tokens) == 2
        assert {found[name].shape[0] for name in of_tokens} == {new.size}
        assert torch.allclose(found[max(of_tokens)][-1], found[max(of_tokens)][:-1].mean(0))


def test_rows_without_a_token_are_dropped(runs: Runs, here: Path, lmkit: Lmkit) -> None:
    """Published embeddings are often padded to a round number of rows."""
    from safetensors.torch import save_file

    assert lmkit("export", runs("llama"), "--output", "hf")[0] == 0
    weights = load_file("hf/model.safetensors")
    rows = weights["model.embed_tokens.weight"]
    weights["model.embed_tokens.weight"] = torch.cat([rows, torch.full((40, rows.shape[1]), 9.0)])
    save_file(weights, "hf/model.safetensors", metadata={"format": "pt"})
    config = json.loads(Path("hf/config.json").read_text())
    config["vocab_size"] += 40
    Path("hf/config.json").write_text(json.dumps(config))
    tokenizer = Tokenizer.load(Path("hf"))
    found = dict(InitialWeights.at(Path("hf")).load(tokenizer))
    assert found["embedding.weight"].equal(rows)


def refused(lmkit: Lmkit, *command: str | Path) -> str:
    exit_code, out, err = lmkit(*command)
    assert exit_code == 2 and not out and "Traceback" not in err, err
    return " ".join(err.split())


def test_another_tokenizer_is_refused(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    documents = packed.parent / "documents.jsonl"
    other = ["train-tokenizer", documents, "--output", "other", "--vocab-size", "700"]
    assert lmkit(*other, "--algorithm", "unigram")[0] == 0
    pack = ["pack", documents, "--tokenizer", "other", "--output", "packed"]
    assert lmkit(*pack, "--sequence-length", "32", "--validation", "0.1")[0] == 0
    command = ["pretrain", "packed", "--output", "run", "--init-from", trained, *TRAINING]
    err = refused(lmkit, *command)
    assert "are not in the tokenizer of the packed folder: it is another one" in err
    assert "lmkit train-tokenizer --from" in err
    assert not Path("run").exists()


def test_a_tokenizer_that_splits_differently_is_warned_about(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained / "tokenizer", "other")
    stored = json.loads(Path("other/tokenizer.json").read_text())
    stored["normalizer"] = {"type": "Lowercase"}
    Path("other/tokenizer.json").write_text(json.dumps(stored))
    InitialWeights.at(trained).load(Tokenizer.load(Path("other")))
    assert "the same tokens, and another normalizer" in capsys.readouterr().err


def test_conflicting_options_are_refused(trained: Path, packed: Path, lmkit: Lmkit) -> None:
    command = ["pretrain", packed, "--output", "run", "--init-from", trained]
    for options, message in (
        (["--model.layers", "9"], "--model.layers: got 9, but"),
        (["--model.preset", "llama-15m"], "--model.hidden-size: got 288, but"),
        (["--model.position", "alibi"], "--model.position: got alibi, but"),
        (["--objective", "mlm"], "--objective: got mlm, which goes with --model.architecture enc"),
    ):
        assert message in refused(lmkit, *command, *options)


def test_options_of_training_may_differ(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    command = ["pretrain", packed, "--output", "run", "--init-from", trained, *TRAINING]
    options = ("--steps", "1", "--model.dropout", "0.1", "--model.z-loss", "1e-4")
    assert lmkit(*command, *options, "--model.preset", "tiny-decoder")[0] == 0


def test_the_context_may_be_extended(runs: Runs, here: Path, lmkit: Lmkit) -> None:
    packed = runs("llama").parent / "packed"
    command = ["pretrain", packed, "--output", "run", "--init-from", runs("llama"), *TRAINING]
    scaling = ("--model.rotary-scaling", "yarn", "--model.rotary-factor", "4")
    length = ("--model.rotary-original-length", "64")
    exit_code, _, err = lmkit(*command, "--steps", "1", *scaling, *length)
    assert exit_code == 0, err
    assert lmkit("export", "run", "--output", "hf")[0] == 0
    config = json.loads(Path("hf/config.json").read_text())
    assert config["rope_parameters"]["rope_type"] == "yarn"
    assert config["rope_parameters"]["original_max_position_embeddings"] == 64
    assert config["max_position_embeddings"] == 256
    again = InitialWeights.at(Path("hf")).config
    assert (again.rotary_scaling, again.rotary_factor) == ("yarn", 4.0)
    assert manifest(Path("run"))["config"]["model"]["rotary_scaling"] == "yarn"


def test_what_was_typed_is_compared_even_where_it_is_the_default(
    runs: Runs, here: Path, lmkit: Lmkit
) -> None:
    packed = runs("gpt_neox").parent / "packed"
    command = ["pretrain", packed, "--output", "run", "--init-from", runs("gpt_neox"), *TRAINING]
    err = refused(lmkit, *command, "--no-model.parallel-residual")
    assert "--model.parallel-residual: got false, but" in err


@pytest.mark.parametrize(
    ("find_corruption", "message"),
    [
        (lambda f: shutil.rmtree(f), "no such folder"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), "model.safetensors: corrupt"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "a pickle"),
        (lambda f: (f / "config.json").write_text("{"), "config.json: corrupt"),
        (lambda f: (f / "config.json").unlink(), "not a run, and not a checkpoint"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "not a tokenizer"),
    ],
)
def test_corrupt_folders(
    find_corruption: Callable[[Path], object],
    message: str,
    trained: Path,
    packed: Path,
    here: Path,
    lmkit: Lmkit,
) -> None:
    assert lmkit("export", trained, "--output", "hf")[0] == 0
    find_corruption(Path("hf"))
    command = ["pretrain", packed, "--output", "run", "--init-from", "hf", *TRAINING]
    assert message in refused(lmkit, *command)
    assert not Path("run").exists()


def test_a_run_cannot_be_its_own_initial_weights(trained: Path, packed: Path, lmkit: Lmkit) -> None:
    step = trained / "checkpoints" / "step-00000004"
    for initial_weights in (trained, step):
        command = ["pretrain", packed, "--output", trained, "--init-from", initial_weights]
        assert "--output" in refused(lmkit, *command, "--steps", "20")


def test_a_resumed_run_keeps_its_weights(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit("export", trained, "--output", "hf")[0] == 0
    command = ["pretrain", packed, "--init-from", "hf", *TRAINING, "--save-every", "2"]
    assert lmkit(*command, "--output", "once", "--steps", "4")[0] == 0
    assert lmkit(*command, "--output", "twice", "--steps", "2")[0] == 0
    exit_code, _, err = lmkit(*command, "--output", "twice", "--steps", "4")
    assert exit_code == 0 and "resuming from step 2" in err
    name = "checkpoints/step-00000004/model.safetensors"
    assert Path("once", name).read_bytes() == Path("twice", name).read_bytes()
    with pytest.raises(InputError):
        InitialWeights.at(Path("nowhere"))
