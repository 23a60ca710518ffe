import json
from pathlib import Path

import pytest

from tests.conftest import SMALL_RUN, Lmkit, contents, prose, records


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


def test_text_of_several_folders_has_a_score_by_source(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    one = documents("one.jsonl", prose(5, words=30))
    lines = [{"id": str(n), "text": t, "source": "web"} for n, t in enumerate(prose(8, words=20))]
    two = Path("two.jsonl")
    two.write_text("\n".join(map(json.dumps, lines)))
    alone = {
        name: json.loads(lmkit("eval", trained, "--data", data, "--json")[1])
        for name, data in (("one.jsonl", one), ("web", two), (packed.name, packed))
    }
    command = ["eval", trained, "--data", two, "--data", packed, "--data", one]
    found = json.loads(lmkit(*command, "--output", "scores", "--json")[1])
    assert [*found["sources"]] == sorted(alone)
    for name, scores in found["sources"].items():
        expected = {key: alone[name][key] for key in scores}
        assert scores == expected
    for count in ("tokens", "bytes"):
        assert found[count] == sum(each[count] for each in alone.values())
    nats = sum(each["loss"] * each["tokens"] for each in alone.values())
    assert found["loss"] == pytest.approx(nats / found["tokens"])
    out = lmkit("eval", trained, "--data", one, "--data", packed, "--data", two)[1]
    assert out.startswith(f"{trained} (step-") and "sources\n  source" in out
    err = lmkit(*command)[2]
    *_, last = (line for line in err.splitlines() if line.startswith("scoring text: "))
    assert last.startswith("scoring text: 100%, "), "also where the size was an estimate"
    assert "up to date" in lmkit(*command, "--output", "scores")[2]
    other = [*command[:4], "--data", packed, "--output", "scores"]
    assert "input one.jsonl is gone" in lmkit(*other)[2]


def test_a_config_of_an_earlier_version_names_one_folder_or_none(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    Path("one.toml").write_text(f'[eval]\nrun = "{trained}"\ndata = "{packed}"')
    assert lmkit("eval", "--config", "one.toml")[0] == 0
    values = {
        "stage": "eval",
        "config": {"run": str(trained), "data": None, "task": [str(tasks())]},
    }
    Path("manifest.json").write_text(json.dumps(values))
    exit_code, out, err = lmkit("eval", "--config", "manifest.json")
    assert exit_code == 0 and out.startswith("tasks"), err


def tasks() -> Path:
    """A folder of tasks of every kind, in the current folder."""
    words = " ".join(prose(1)).split()
    folder = Path("tasks")
    (folder / "pairs").mkdir(parents=True)
    pairs = [
        {
            "sentence_good": " ".join(words[n : n + 5]),
            "sentence_bad": " ".join(words[n + 4 : n : -1]),
        }
        for n in range(8)
    ]
    choices = [
        {"query": " ".join(words[n : n + 3 * n]), "choices": words[n : n + 4], "gold": n % 4}
        for n in range(1, 8)
    ]
    completions = [
        {"context": " ".join(words[: 2 + 8 * n]), "continuation": words[n]} for n in range(8)
    ]
    schemas = [
        {"context_options": words[n : n + 2], "continuation": words[n + 2], "gold": 1}
        for n in range(8)
    ]
    texts = [{"text": " ".join(words[: 20 * n])} for n in range(1, 6)]
    for name, lines_of_task in (
        ("pairs/a", pairs),
        ("pairs/b", pairs[::-1]),
        ("choice", choices),
        ("completion", completions),
        ("schema", schemas),
        ("text", texts),
    ):
        lines = "\n".join(json.dumps(record) for record in lines_of_task)
        (folder / f"{name}.jsonl").write_text(lines)
    return folder


def test_tasks_are_scored_and_printed_as_a_table(trained: Path, here: Path, lmkit: Lmkit) -> None:
    exit_code, out, err = lmkit("eval", trained, "--task", tasks(), "--device", "cpu")
    assert exit_code == 0 and "answering tasks" in err
    lines = out.splitlines()
    assert lines[0] == "tasks" and lines[1].split()[:4] == ["task", "items", "shots", "acc"]
    assert any(line.split()[0] == "tasks/pairs/a" and "±" in line for line in lines[2:])
    assert any(line.split()[:2] == ["tasks/pairs", "2"] for line in lines)


def test_text_and_tasks_are_scored_in_one_run(
    trained: Path, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    alone = json.loads(lmkit("eval", trained, "--data", packed, "--json")[1])
    both = ["eval", trained, "--data", packed, "--task", tasks(), "--limit", "2"]
    found = json.loads(lmkit(*both, "--json")[1])
    assert found["loss"] == alone["loss"]
    assert {name: task["items"] for name, task in found["tasks"].items()} == {
        "tasks/choice": 2,
        "tasks/completion": 2,
        "tasks/pairs/a": 2,
        "tasks/pairs/b": 2,
        "tasks/schema": 2,
        "tasks/text": 2,
    }
    assert lmkit(*both)[1].startswith(f"{trained} (step-")


def test_neither_micro_batch_nor_order_changes_the_scores_of_tasks(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    folder = tasks()
    command = ["eval", trained, "--task", folder, "--shots", "2", "--json"]
    first = json.loads(lmkit(*command, "--micro-batch", "1")[1])
    for size in ("7", "none"):
        again = json.loads(lmkit(*command, "--micro-batch", size)[1])
        for name, task in first["tasks"].items():
            other = again["tasks"][name]
            for score, values in task["scores"].items():
                assert other["scores"][score]["value"] == pytest.approx(values["value"], rel=1e-5)
            for count in ("items", "cut", "seams", "ties"):
                assert other[count] == task[count]
        assert (
            again["tasks"]["tasks/choice"]["scores"]["acc"]
            == (first["tasks"]["tasks/choice"]["scores"]["acc"])
        )


def test_a_context_that_is_longer_than_the_model_is_cut_and_counted(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    found = json.loads(lmkit("eval", trained, "--task", tasks() / "completion.jsonl", "--json")[1])
    assert 0 < found["tasks"]["completion"]["cut"] < 8


def test_answers_and_scores_are_written_and_a_killed_run_resumes(
    trained: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tasks()
    command = ["eval", trained, "--task", folder, "--device", "cpu"]
    assert lmkit(*command, "--output", "whole")[0] == 0
    whole = contents(Path("whole"))
    answers = [f"answers-{n:05d}.jsonl.zst" for n in range(6)]
    assert [*whole] == [*answers, "lm-eval.json", "scores.json"]
    assert [len(records(Path("whole"), "answers"))] == [8 + 7 + 8 + 8 + 8 + 5]
    assert "up to date" in lmkit(*command, "--output", "whole")[2]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lmkit.commands.eval.run.scores_in", killed)
        assert lmkit(*command, "--output", "half")[0] == 130
    Path("half/.partial/answers-00004.json").unlink()
    exit_code, _, err = lmkit(*command, "--output", "half")
    assert exit_code == 0 and "resuming: 5 of 6 tasks" in err
    assert contents(Path("half")) == whole


def test_a_changed_task_or_setting_is_noticed(trained: Path, here: Path, lmkit: Lmkit) -> None:
    file = tasks() / "choice.jsonl"
    command = ["eval", trained, "--task", file, "--output", "scores"]
    assert lmkit(*command)[0] == 0
    file.with_suffix(".toml").write_text("random_baseline = 0.3")
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "choice.toml is new" in err
    assert lmkit(*command, "--overwrite")[0] == 0
    file.with_suffix(".toml").write_text("random_baseline = 0.2")
    assert "choice.toml has changed" in lmkit(*command)[2]
    file.with_suffix(".toml").write_text("random_baseline = 0.3")
    file.write_text(file.read_text().replace('"gold": 1', '"gold": 2'))
    assert "choice.jsonl has changed" in lmkit(*command)[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.jsonl: holds no items"),
        ('{"query": "Q", "choices": ["a"], "gold": 0}', "t.jsonl: line 1: choices: got 1"),
        (
            json.dumps({"context": "a", "continuation": "word " * 90}),
            "t.jsonl: line 1: a continuation has",
        ),
    ],
)
def test_a_damaged_task_is_one_line_and_leaves_no_folder(
    trained: Path, here: Path, lmkit: Lmkit, content: str, message: str
) -> None:
    Path("t.jsonl").write_text(content)
    exit_code, _, err = lmkit("eval", trained, "--task", "t.jsonl")
    assert exit_code == 2 and f"Error: {message}" in err and "Traceback" not in err


def test_neither_data_nor_a_task_is_an_error(trained: Path, here: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("eval", trained)
    assert exit_code == 2 and "--data: missing, and --task too" in err


def test_an_encoder_is_scored_by_pseudo_log_likelihood(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    shape = ("--model.preset", "tiny-encoder", "--objective", "mlm", "--device", "cpu")
    sizes = ("--steps", "1", "--batch-tokens", "256", "--schedule.warmup-steps", "1")
    assert lmkit("pretrain", packed, "--output", "run", *shape, *sizes)[0] == 0
    command = ["eval", "run", "--task", tasks(), "--json", "--pll"]
    found = [json.loads(lmkit(*command, pll)[1])["tasks"] for pll in ("within-word", "original")]
    one, other = (each["tasks/pairs/a"]["scores"]["bits_per_byte"]["value"] for each in found)
    assert one > 0 and other > 0 and one != other
