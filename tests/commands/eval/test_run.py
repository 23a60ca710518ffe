import json
from pathlib import Path

import pytest

from tests.conftest import SMALL_RUN, Lmkit, prose


def documents(path: str, texts: list[str]) -> Path:
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts))
    Path(path).write_text("\n".join(lines))
    return Path(path)


def test_held_out_sequences_get_the_loss_measured_in_training(
    trained: Path, packed: Path, lmkit: Lmkit
) -> None:
    exit_code, out, _ = lmkit("eval", trained, "--data", packed, "--json")
    assert exit_code == 0
    last = json.loads((trained / "metrics.jsonl").read_text().splitlines()[-1])
    scores = json.loads(out)
    assert scores["loss"] == pytest.approx(last["validation_loss"], rel=1e-6)
    expected = {"loss", "perplexity", "bits_per_byte", "tokens", "bytes", "tasks", "checkpoint"}
    assert scores.keys() == expected


def test_scores_are_written_to_the_output_folder_and_then_up_to_date(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    command = ["eval", trained, "--data", packed, "--output", "scores"]
    first = lmkit(*command)
    assert first[0] == 0 and "bits per byte" in first[1]
    assert sorted(path.name for path in Path("scores").iterdir()) == [
        "manifest.json",
        "scores.json",
    ]
    again = lmkit(*command)
    assert again[:2] == first[:2] and again[2] == "scores: up to date\n"


def test_a_checkpoint_can_be_named_instead_of_a_run(
    trained: Path, packed: Path, lmkit: Lmkit
) -> None:
    exit_code, out, _ = lmkit("eval", trained / "checkpoints/step-00000004", "--data", packed)
    assert exit_code == 0 and "step-00000004" in out


def test_a_packed_folder_with_another_tokenizer_is_refused(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    data = documents("data.jsonl", prose(20))
    lmkit("train-tokenizer", data, "--output", "tokenizer", "--algorithm", "byte")
    lmkit("pack", data, "--tokenizer", "tokenizer", "--output", "other", "--sequence-length", "32")
    exit_code, _, err = lmkit("eval", trained, "--data", "other", "--output", "scores")
    assert exit_code == 2 and "with another tokenizer" in err
    assert not Path("scores").exists()


@pytest.mark.parametrize(
    ("run", "data", "message"),
    [
        ("nothing", "data.jsonl", "nothing: no such folder"),
        ("raw", "data.jsonl", "raw: not a run"),
        ("TRAINED", "nothing", "nothing: no such file or folder"),
        ("TRAINED", "raw/cat.txt", "lmkit clean first"),
        ("TRAINED", "empty.jsonl", "has nothing to predict"),
    ],
)
def test_data_that_cannot_be_scored_is_named(
    trained: Path, raw: Path, lmkit: Lmkit, run: str, data: str, message: str
) -> None:
    documents("data.jsonl", ["some text"])
    Path("empty.jsonl").touch()
    run = str(trained) if run == "TRAINED" else run
    exit_code, _, err = lmkit("eval", run, "--data", data)
    assert exit_code == 2 and message in err and "Traceback" not in err


def test_a_run_that_is_not_finished_can_be_used(packed: Path, here: Path, lmkit: Lmkit) -> None:
    lmkit("pretrain", packed, "--output", "run", *SMALL_RUN, "--steps", "2")
    Path("run/manifest.json").unlink()
    assert lmkit("eval", "run", "--data", packed)[0] == 0


def test_changed_documents_are_noticed_and_unreadable_ones_counted(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    data = documents("data.jsonl", prose(3, words=30))
    data.write_text(data.read_text() + "\n{")
    command = ["eval", trained, "--data", data, "--output", "scores"]
    assert "1 records could not be read" in lmkit(*command)[2]
    counts = json.loads(Path("scores/manifest.json").read_text())["counts"]
    assert (counts["documents_in"], counts["quarantined"]) == (4, 1)
    assert "up to date" in lmkit(*command)[2]
    documents("data.jsonl", prose(4, words=30))
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "input data.jsonl has changed" in err
