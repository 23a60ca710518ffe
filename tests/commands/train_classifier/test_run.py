"""Training a quality classifier, and cleaning with it."""

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import Lmkit, contents, manifest, records

WORDS = {
    "good": ["lighthouse", "keeper", "灯塔", "منارة", "بحر", "маяк", "остров", "evening", "storm"],
    "ordinary": ["click", "subscribe", "登录", "انقر", "هنا", "нажмите", "войти", "cookies", "now"],
    "both": ["the", "of", "and", "a", "to", "的", "و", "или"],
}


def write(kind: str, count: int = 60, seed: int = 0) -> Path:
    """Write documents whose words are those of a kind, or of both."""
    choose = random.Random(f"{kind}{seed}")
    path = Path(f"{kind}.jsonl")
    lines = [
        {
            "id": f"{kind}-{number}",
            "text": " ".join(choose.choices(WORDS[kind] + WORDS["both"], k=40)),
        }
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


@pytest.fixture
def kinds(here: Path) -> tuple[Path, Path]:
    return write("good"), write("ordinary")


def test_it_separates_documents_that_it_never_saw(kinds: tuple[Path, Path], lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("train-classifier", *kinds, "--output", "classifier")
    made = manifest(Path("classifier"))
    details = made["details"]
    assert exit_code == 0 and "area under the curve 1.0000" in out
    assert details["auc"] == 1.0 and made["counts"]["documents_in"] == 120
    assert sum(details["trained_on"].values()) + sum(details["held_out"].values()) == 120
    assert {path.name for path in Path("classifier").iterdir()} == {
        *("classifier.json", "weights.npy", "manifest.json")
    }
    again = lmkit("train-classifier", *kinds, "--output", "classifier")
    assert again[0] == 0 and "up to date" in again[2]


def test_order_and_workers_change_nothing(kinds: tuple[Path, Path], lmkit: Lmkit) -> None:
    assert lmkit("train-classifier", *kinds, "--output", "one", "--workers", "1")[0] == 0
    for path in kinds:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        Path(path.stem).mkdir()
        for number in range(3):
            part = Path(path.stem) / f"{number}.jsonl"
            part.write_text("".join(lines[::-1][number::3]), "utf-8")
    command = ("train-classifier", "good", "ordinary", "--output", "two", "--workers", "2")
    assert lmkit(*command)[0] == 0
    one, two = (contents(Path(name)) for name in ("one", "two"))
    assert one["weights.npy"] == two["weights.npy"]
    assert one["classifier.json"] == two["classifier.json"]


def test_clean_records_the_score_and_drops_by_it(kinds: tuple[Path, Path], lmkit: Lmkit) -> None:
    lmkit("train-classifier", *kinds, "--output", "classifier")
    inputs = write("good", 30, seed=1), write("ordinary", 30, seed=1)
    score = ("--filters.classifier", "classifier")
    assert lmkit("clean", *inputs, "--output", "scored", *score)[0] == 0
    assert manifest(Path("scored"))["counts"]["documents_out"] == 60
    table = pq.read_table("scored/signals-00000.parquet").to_pydict()
    for key, value in zip(table["id"], table["classifier.score"], strict=True):
        assert (value > 0.5) == key.startswith("good"), key
    least = (*score, "--filters.min-classifier-score", "0.5")
    assert lmkit("clean", *inputs, "--output", "kept", *least)[0] == 0
    assert manifest(Path("kept"))["counts"]["dropped"] == {"classifier.score": 30}
    for rejected in records(Path("kept"), "rejected"):
        assert rejected["id"].startswith("ordinary")
        assert rejected["decided"].startswith("classifier.score 0.")
        assert rejected["decided"].endswith("< 0.5")
    # Another classifier is a changed input; the same one elsewhere isn't.
    Path("classifier").rename("moved")
    moved = ("--filters.classifier", "moved", *least[2:])
    assert "up to date" in lmkit("clean", *inputs, "--output", "kept", *moved)[2]
    write("good"), write("ordinary")
    lmkit("train-classifier", *kinds, "--output", "classifier", "--held-out", "0.3")
    exit_code, _, err = lmkit("clean", *inputs, "--output", "kept", *least)
    assert exit_code == 2 and "classifier" in err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("good.jsonl",), "INPUTS: got 1, must be two"),
        (("good.jsonl", "good.jsonl"), "the same folder twice"),
        (("good.jsonl", "few.jsonl"), "few.jsonl: 3 documents with text, must be at least 20"),
        (("good.jsonl", "wrong.jsonl"), "wrong.jsonl: no field 'text'"),
        (("good.jsonl", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    kinds: tuple[Path, Path], lmkit: Lmkit, command: tuple[str, ...], message: str
) -> None:
    Path("few.jsonl").write_text('{"text": "one"}\n' * 3 + '{"text": " "}\n' * 30)
    Path("wrong.jsonl").write_text('{"content": "one"}\n' * 30)
    exit_code, _, err = lmkit("train-classifier", *command, "--output", "classifier")
    assert exit_code == 2 and message in err and not Path("classifier").exists()


def test_equal_texts_are_on_one_side(here: Path, lmkit: Lmkit) -> None:
    same = ['{"text": "a lighthouse"}\n'] * 30
    Path("good.jsonl").write_text("".join(same))
    exit_code, _, err = lmkit("train-classifier", "good.jsonl", write("ordinary"), "--output", "c")
    assert exit_code == 1 and "no good document is" in err


@pytest.mark.parametrize("given", ["good.jsonl", "clean", "nowhere"])
def test_what_is_no_classifier_is_refused(
    kinds: tuple[Path, Path], lmkit: Lmkit, given: str
) -> None:
    lmkit("clean", kinds[0], "--output", "clean")
    exit_code, _, err = lmkit("clean", *kinds, "--output", "out", "--filters.classifier", given)
    assert exit_code == 2 and given in err and not Path("out").exists()


def test_a_minimum_without_a_classifier_is_refused(kinds: tuple[Path, Path], lmkit: Lmkit) -> None:
    command = ("clean", *kinds, "--output", "out", "--filters.min-classifier-score", "0.5")
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "add --filters.classifier" in err
