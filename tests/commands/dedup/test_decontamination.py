import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.dedup.run import dedup
from tests.conftest import Lmkit, contents, manifest, prose, records

SHORT = "The quick fox slept."
TEXTS = prose(12, 100)
LONG = " ".join([word for word in prose(60, 60)[59].split() if word.isalpha()][:30])


def write_test_sets() -> None:
    Path("eval/deep").mkdir(parents=True)
    Path("eval/short.jsonl").write_text(
        "".join(
            json.dumps({"id": name, "text": text}) + "\n"
            for name, text in (("fox", SHORT), ("absent", "No text has this one."), ("tiny", "Fox"))
        )
    )
    with gzip.open("eval/deep/long.jsonl.gz", "wt") as file:
        file.write(json.dumps({"context": LONG, "continuation": "and so on"}) + "\n")


def corpus() -> Path:
    """Twelve texts: in two a short item, in one a part of a long one, in one both."""
    long = LONG.split()
    planted = {
        1: f"A line.\n{SHORT.upper()}\nAnother line.",
        4: f"It begins; the quick\nfox (slept) as ever.\n{TEXTS[4]}",
        6: f"{TEXTS[6]}\n{' '.join(long[5:25]).title()} and more.\nThe last line.",
        9: f"{SHORT} {LONG}",
        11: f"{TEXTS[11]}\nwhat {' '.join(long[5:17])} ends",  # twelve words are too few
    }
    lines = [
        json.dumps({"id": f"{n:02d}", "source": "s", "text": planted.get(n, text)})
        for n, text in enumerate(TEXTS)
    ]
    Path("a.jsonl").write_text("\n".join(lines))
    return Path("a.jsonl")


def run_dedup(output: str, **config: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """The kept texts, by id, and the manifest."""
    dedup(DedupConfig.model_validate({"inputs": [Path("a.jsonl")], "output": output, **config}))
    return {r["id"]: r["text"] for r in records(Path(output))}, manifest(Path(output))


def test_documents_with_items_are_dropped_and_every_match_is_reported(here: Path) -> None:
    write_test_sets()
    corpus()
    out, summary = run_dedup("out", decontamination={"against": ["eval"]})
    assert sorted(out) == [f"{n:02d}" for n in range(12) if n not in {1, 4, 6, 9}]
    assert summary["counts"]["dropped"] == {"contaminated": 4}
    found = {(r["id"], r["set"], r["item"]) for r in records(Path("out"), "contamination")}
    assert found == {
        ("01", "eval/short", "fox"),
        ("04", "eval/short", "fox"),
        ("06", "eval/deep/long", "1"),
        ("09", "eval/deep/long", "1"),
        ("09", "eval/short", "fox"),
    }
    long, short = summary["details"]["test_sets"]
    assert long == {
        **{"set": "eval/deep/long", "items": 1, "too_short": 0, "found": 1, "documents": 2},
        "share": 1.0,
    }
    assert short == {
        **{"set": "eval/short", "items": 3, "too_short": 1, "found": 1, "documents": 3},
        "share": pytest.approx(1 / 3, abs=1e-6),
    }


def test_only_reporting_leaves_every_document(here: Path) -> None:
    write_test_sets()
    corpus()
    out, summary = run_dedup("out", decontamination={"against": ["eval"], "action": "report"})
    assert len(out) == 12 and summary["counts"]["dropped"] == {}
    assert len(records(Path("out"), "contamination")) == 5


def test_cutting_removes_the_lines_that_an_item_overlaps(here: Path) -> None:
    write_test_sets()
    corpus()
    out, summary = run_dedup("out", decontamination={"against": ["eval"], "action": "cut"})
    assert out["01"] == "A line.\nAnother line."
    assert out["04"] == TEXTS[4]
    assert out["06"] == f"{TEXTS[6]}\nThe last line."
    assert "09" not in out and summary["counts"]["dropped"] == {"nothing_left": 1}
    assert summary["counts"]["more"]["documents_cut"] == 4
    assert {r["reason"] for r in records(Path("out"), "cuts")} == {"item"}


def test_a_shorter_ngram_finds_more(here: Path) -> None:
    write_test_sets()
    corpus()
    out, _ = run_dedup("out", decontamination={"against": ["eval"], "ngram": 12})
    assert "11" not in out


def test_a_copy_of_a_dropped_document_is_no_reason_to_drop_another(here: Path) -> None:
    """The smallest id is contaminated, and the other is its near-duplicate, without the item."""
    Path("e.jsonl").write_text(json.dumps({"text": SHORT}))
    texts = {"0": f"{TEXTS[0]} {SHORT}", "1": TEXTS[0]}
    lines = (json.dumps({"id": key, "text": text}) for key, text in texts.items())
    Path("a.jsonl").write_text("\n".join(lines))
    assert list(run_dedup("plain")[0]) == ["0"]
    assert list(run_dedup("out", decontamination={"against": ["e.jsonl"]})[0]) == ["1"]


def test_order_tasks_and_workers_change_nothing(here: Path) -> None:
    write_test_sets()
    lines = corpus().read_text().splitlines()
    results: list[Any] = []
    for seed, shard_bytes, workers in ((1, 1 << 26, 1), (2, 700, 2)):
        shuffled = random.Random(seed).sample(lines, len(lines))
        for number in range(3):
            Path(f"{number}.jsonl").write_text("\n".join(shuffled[number::3]))
        inputs = [Path(f"{number}.jsonl") for number in range(3)]
        config = {
            "decontamination": {"against": ["eval"]},
            "shard_bytes": shard_bytes,
            "workers": workers,
        }
        out, summary = run_dedup(f"out{seed}", **config, inputs=inputs)
        found = records(Path(f"out{seed}"), "contamination")
        results.append((out, summary["details"], sorted(json.dumps(record) for record in found)))
    assert results[0] == results[1]


def test_a_pattern_a_file_and_a_folder_may_be_named_together(here: Path, lmkit: Lmkit) -> None:
    write_test_sets()
    corpus()
    flags = ["--decontamination.against", "eval/s*.jsonl", "--decontamination.against", "eval/deep"]
    exit_code, out, err = lmkit("dedup", "a.jsonl", "--output", "out", *flags)
    assert exit_code == 0, err
    assert "dropped 4 contaminated" in out
    assert "deep/long" in out and "short" in out
    before = contents(Path("out"))
    assert "up to date" in lmkit("dedup", "a.jsonl", "--output", "out", *flags)[2]
    assert "up to date" in lmkit("dedup", "--config", "out/manifest.json")[2]
    assert contents(Path("out")) == before
    Path("eval/short.jsonl").write_text('{"text": "Other words are here."}')
    exit_code, _, err = lmkit("dedup", "a.jsonl", "--output", "out", *flags)
    assert exit_code == 2 and "eval/short.jsonl has changed" in err


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (
            ["--decontamination.against", "evl"],
            2,
            "--decontamination.against: evl: no such file or folder",
        ),
        (
            ["--decontamination.against", "none*.jsonl"],
            2,
            "--decontamination.against: none*.jsonl: no such file",
        ),
        (
            ["--decontamination.against", ""],
            2,
            "--decontamination.against: got nothing, must be a path",
        ),
        (
            ["--decontamination.against", "empty"],
            2,
            "--decontamination.against: empty: no files to read in it",
        ),
        (
            ["--decontamination.against", "one.jsonl"],
            1,
            "--decontamination.against: no item has two words",
        ),
        (["--decontamination.against", "bad.jsonl"], 1, "bad.jsonl: line 1: "),
        (["--decontamination.action", "cuts"], 2, "must be 'drop', 'cut' or 'report'"),
    ],
)
def test_an_invalid_test_set_is_named(
    here: Path, lmkit: Lmkit, flags: list[str], code: int, message: str
) -> None:
    corpus()
    Path("empty").mkdir()
    Path("one.jsonl").write_text('{"text": "word"}')
    Path("bad.jsonl").write_text("text")
    exit_code, _, err = lmkit("dedup", "a.jsonl", "--output", "out", *flags)
    assert exit_code == code and message in err
    assert "Traceback" not in err


def test_inspect_shows_test_sets_and_samples_of_what_was_found_and_cut(
    here: Path, lmkit: Lmkit
) -> None:
    write_test_sets()
    corpus()
    flags = ["--decontamination.against", "eval", "--decontamination.action", "cut"]
    lmkit("dedup", "a.jsonl", "--output", "out", *flags)
    exit_code, out, _ = lmkit("inspect", "out", "--json", "--samples", "9")
    shown = json.loads(out)
    assert exit_code == 0
    assert [row["set"] for row in shown["test_sets"]] == ["eval/deep/long", "eval/short"]
    assert len(shown["sample_contamination"]) == 5
    assert {row["reason"] for row in shown["sample_cuts"]} == {"item"}
    assert shown["counts"]["documents_cut"] == 4
