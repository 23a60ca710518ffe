"""Every objective from its command to its scores."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lmkit.commands.eval.options import EvalConfig
from lmkit.commands.eval.run import evaluate
from lmkit.objectives.registry import OBJECTIVES
from tests.commands.pretrain.test_run import metrics, same_run
from tests.conftest import Lmkit, prose

SMALL = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256")
SMALL += ("--schedule.warmup-steps", "100")  # the first steps of a long run enlarge no rounding
XLNET = ("--model.architecture", "encoder", "--model.position", "transformer-xl")
XLNET += ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "2")
KINDS = {
    "fim": ("--model.preset", "tiny-decoder", "--fim.rate", "0.9"),
    "mlm": ("--model.preset", "tiny-encoder", "--objective", "mlm", "--mlm.whole-word"),
    "plm": (*XLNET, "--objective", "plm"),
    "t5": ("--model.preset", "tiny-encoder-decoder", "--objective", "span-corruption"),
    "bart": (
        *("--model.preset", "tiny-encoder-decoder", "--objective", "span-corruption"),
        *("--span.style", "bart"),
    ),
}

*FIRST, LAST = (repr(entry.name) for entry in OBJECTIVES)
NAMES = f"{', '.join(FIRST)} or {LAST}"


@pytest.fixture(scope="module")
def documents_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed folder of rows that hold whole documents, of several lengths."""
    from lmkit.cli import main

    folder = tmp_path_factory.mktemp("packed")
    texts = [" ".join(text.split()[: 3 + n % 7]) for n, text in enumerate(prose(120, 10))]
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts))
    (folder / "documents.jsonl").write_text("\n".join(lines))
    tokenizer = ["--output", folder / "tokenizer", "--vocab-size", "600"]
    packing = ["--tokenizer", folder / "tokenizer", "--output", folder / "packed"]
    packing += ["--sequence-length", "64", "--validation", "0.2", "--packing", "best-fit"]
    for stage, options in (("train-tokenizer", tokenizer), ("pack", packing)):
        command = [stage, folder / "documents.jsonl", *options]
        assert main([str(argument) for argument in command]) == 0
    return folder / "packed"


@pytest.fixture(scope="module", params=KINDS)
def run(
    request: pytest.FixtureRequest, documents_rows: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of six steps that nothing has disturbed."""
    from lmkit.cli import main

    folder = tmp_path_factory.mktemp(request.param) / request.param
    command = ["pretrain", documents_rows, "--output", folder, *SMALL, *KINDS[request.param]]
    assert main([str(argument) for argument in [*command, "--steps", "6"]]) == 0
    return folder


def test_a_resumed_run_equals_one_that_never_stopped(
    run: Path, documents_rows: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["pretrain", documents_rows, "--output", "run", *SMALL, *KINDS[run.name]]
    monkeypatch.setattr("lmkit.commands.pretrain.run.stop_signals", stopping_after(3))
    assert lmkit(*command, "--steps", "6")[0] == 130
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert lmkit(*command, "--steps", "6")[0] == 0
    assert same_run(run, Path("run"), 6)


def stopping_after(
    steps: int,
) -> Callable[[float | None], AbstractContextManager[Callable[[], bool]]]:
    """What asks a run to stop at its step of this number."""
    asked = iter([False] * (steps - 1) + [True] * 100)

    @contextmanager
    def asking(_: float | None) -> Iterator[Callable[[], bool]]:
        yield lambda: next(asked)

    return asking


def values_of(run: Path) -> list[Any]:
    return [line["loss"] for line in metrics(run)]


def test_micro_batches_change_no_result(
    run: Path, documents_rows: Path, here: Path, lmkit: Lmkit
) -> None:
    command = ["pretrain", documents_rows, "--output", "run", *SMALL, *KINDS[run.name]]
    assert lmkit(*command, "--steps", "6", "--micro-batch", "1")[0] == 0
    assert values_of(Path("run")) == pytest.approx(values_of(run), rel=1e-4)


def test_held_out_sequences_get_the_loss_measured_in_training(
    run: Path, documents_rows: Path, lmkit: Lmkit
) -> None:
    exit_code, out, _ = lmkit("eval", run, "--data", documents_rows, "--json")
    assert exit_code == 0
    scores = json.loads(out)
    assert scores["loss"] == pytest.approx(metrics(run)[-1]["validation_loss"], rel=1e-6)
    assert scores["tokens"] > 0
    assert (scores["bits_per_byte"] is None) == (run.name != "fim")
    exit_code, out, _ = lmkit("eval", run, "--data", documents_rows)
    assert ("bits per byte" in out) == (run.name == "fim")


def test_a_score_depends_neither_on_order_nor_on_micro_batch(run: Path, here: Path) -> None:
    lines = [json.dumps({"id": str(n), "text": text}) for n, text in enumerate(prose(9, 40))]
    Path("a.jsonl").write_text("\n".join(lines))
    Path("b.jsonl").write_text("\n".join(lines[::-1]))
    one = evaluate(EvalConfig(run=run, data=(Path("a.jsonl"),), micro_batch=1))
    two = evaluate(EvalConfig(run=run, data=(Path("b.jsonl"),), micro_batch=7))
    assert one.text.loss == pytest.approx(two.text.loss, rel=1e-6)
    assert one.text.tokens == two.text.tokens


def test_a_run_records_its_objective(run: Path) -> None:
    description = json.loads((run / "model.json").read_text())
    objective = {"fim": "clm", "t5": "span-corruption", "bart": "span-corruption"}
    assert description["objective"] == objective.get(run.name, run.name)
    expected: dict[str, Any] = {
        "fim": {"fim": {"rate": 0.9, "spm_rate": 0.5}},
        "mlm": {"mlm": {"probability": 0.15, "whole_word": True}},
        "plm": {"plm": {"context": 6, "block": None}},
        "t5": {"span": {"style": "t5", "noise_density": None, "mean_span_length": 3.0}},
        "bart": {"span": {"style": "bart", "noise_density": None, "mean_span_length": 3.0}},
    }
    assert description["objective_options"] == expected[run.name]


def test_what_was_dropped_is_counted(run: Path) -> None:
    details = json.loads((run / "manifest.json").read_text())["details"]
    assert (details["dropped_tokens"] > 0) == (run.name == "fim")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--objective", "plm", "--model.preset", "tiny-decoder"),
            "--objective: got plm, which goes with --model.architecture",
        ),
        (
            ("--mlm.probability", "0.3"),
            "--mlm.probability: got 0.3, but it belongs to --objective mlm",
        ),
        (("--objective", "mml"), f"--objective: got mml, must be {NAMES}"),
        (
            ("--model.position", "learned", "--model.max-positions", "63"),
            "--model.max-positions: got 63, but sequences of 64 tokens need 64 positions",
        ),
        (("--fim.rate", "1.5"), "--fim.rate: got 1.5, must be at most 1"),
    ],
)
def test_invalid_options_are_refused_in_a_line(
    documents_rows: Path, here: Path, lmkit: Lmkit, options: tuple[str, ...], message: str
) -> None:
    exit_code, _, err = lmkit("pretrain", documents_rows, "--output", "run", *options)
    assert exit_code == 2 and message in " ".join(err.split())
    assert not Path("run").exists()


def test_a_tokenizer_without_a_mask_is_refused_before_any_work(here: Path, lmkit: Lmkit) -> None:
    import tokenizers
    from tokenizers import models

    from lmkit.tokenizers.tokenizer import save

    Path("tokenizer").mkdir()
    bare = tokenizers.Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    names = ["<pad>", "<s>", "</s>"]
    bare.add_special_tokens([tokenizers.AddedToken(name, special=True) for name in names])
    save(bare, Path("tokenizer"))
    Path("data.jsonl").write_text("\n".join(json.dumps({"id": n, "text": "abba"}) for n in "xyz"))
    settings = ["--sequence-length", "8", "--validation", "0"]
    packing = ["pack", "data.jsonl", "--tokenizer", "tokenizer", "--output", "packed", *settings]
    assert lmkit(*packing)[0] == 0
    options = ["--model.preset", "tiny-encoder", "--objective", "mlm"]
    exit_code, _, err = lmkit("pretrain", "packed", "--output", "run", *options)
    assert exit_code == 2 and "--objective mlm needs a mask token" in err
    assert not Path("run").exists()
