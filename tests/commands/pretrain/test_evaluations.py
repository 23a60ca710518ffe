"""Tasks that are scored, and prompts that are continued, while a run trains."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts.manifest import flat
from tests.commands.dying import signalled
from tests.commands.pretrain.test_run import command_of, metrics, trained, weights
from tests.conftest import Lmkit, manifest
from tests.training.evaluations.asked import write_lines, write_prompts, write_tasks

ASKED = ("--eval.every", "3", "--eval.shots", "1", "--sample.every", "4", "--log-every", "1")

ENCODER = ("--model.architecture", "encoder", "--objective", "mlm", "--model.preset")
ENCODER += ("tiny-encoder",)


def asking(folder: Path) -> tuple[str, ...]:
    """Write tasks and prompts; return the options that name them."""
    tasks = write_tasks(folder / "tasks")
    prompts = write_prompts(folder / "prompts.txt")
    return ("--eval.tasks", str(tasks), "--sample.prompts", str(prompts), *ASKED)


def samples(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def straight(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that is asked and that nothing disturbs, with its standard error."""
    folder = tmp_path_factory.mktemp("asked")
    done = trained(packed, folder / "run", *asking(folder), "--model.dropout", "0.1")
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_a_run_has_the_same_bits_whatever_it_is_asked(
    packed: Path, straight: tuple[Path, str], here: Path
) -> None:
    folder, _ = straight
    assert trained(packed, Path("silent"), "--model.dropout", "0.1").returncode == 0
    for step in (8, 12):
        for file in ("model.safetensors", "optimizer.safetensors", "state.json"):
            name = f"checkpoints/step-{step:08d}/{file}"
            assert (Path("silent") / name).read_bytes() == (folder / "run" / name).read_bytes()
    silent, asked = metrics(Path("silent")), metrics(folder / "run")
    assert [line.get("tasks") is not None for line in asked] == [n % 3 == 0 for n in range(1, 13)]
    for line in asked:
        line.pop("tasks", None)
        line.pop("groups", None)
    assert silent == asked


def test_scores_are_those_of_eval_and_texts_those_of_generate(
    straight: tuple[Path, str], lmkit: Lmkit
) -> None:
    folder, _ = straight
    run = folder / "run"
    last = folder / "run/checkpoints/step-00000012"
    command = ["eval", last, "--task", folder / "tasks", "--shots", "1", "--device", "cpu"]
    scores = json.loads(lmkit(*command, "--json")[1])
    for kind in ("tasks", "groups"):
        expected = {
            name: {score: each["value"] for score, each in found["scores"].items()}
            for name, found in scores[kind].items()
        }
        assert flat(metrics(run)[-1][kind]) == pytest.approx(flat(expected), rel=1e-5)
    command = ["generate", last, "--prompt", "The class", "--device", "cpu", "--json"]
    generated = json.loads(lmkit(*command)[1])
    sample = samples(run)[-2]
    assert sample["text"] == generated[0]["text"] and sample["ended"] == generated[0]["ended"]


def test_samples_are_lines_with_their_steps_and_are_outputs(straight: tuple[Path, str]) -> None:
    folder, err = straight
    found = samples(folder / "run")
    prompts = ["The class", "Once upon a time"]
    assert [(line["step"], line["prompt"]) for line in found] == [
        (step, prompt) for step in (4, 8, 12) for prompt in prompts
    ]
    assert all(line["text"].startswith(line["prompt"]) for line in found)
    outputs = [output["name"] for output in manifest(folder / "run")["outputs"]]
    assert "samples.jsonl" in outputs
    assert err.count("2 tasks in") == 4 and "tasks acc 0." in err
    assert err.count("(and 1 more in samples.jsonl)") == 3


def test_a_killed_run_resumes_with_the_same_scores_and_texts(
    packed: Path, straight: tuple[Path, str], here: Path
) -> None:
    folder, _ = straight
    command = command_of(packed, Path("run"), *asking(Path()), "--model.dropout", "0.1")
    for step in (6, 11):
        killed = signalled(signal.SIGKILL, step, *command)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = trained(packed, Path("run"), *asking(Path()), "--model.dropout", "0.1")
    assert done.returncode == 0, done.stderr
    assert metrics(Path("run")) == metrics(folder / "run")
    assert (Path("run/samples.jsonl").read_bytes()) == (folder / "run/samples.jsonl").read_bytes()
    assert weights(Path("run"), 12) == weights(folder / "run", 12)


def test_what_a_run_is_asked_may_change_and_tasks_that_ask_something_else_are_reported(
    packed: Path, here: Path
) -> None:
    options = asking(Path())
    assert trained(packed, Path("run"), "--steps", "4").returncode == 0
    assert not Path("run/samples.jsonl").exists()
    assert trained(packed, Path("run"), *options, "--steps", "8").returncode == 0
    write_tasks(Path("tasks"), items=7)
    done = trained(packed, Path("run"), *options, "--steps", "12")
    assert done.returncode == 0, done.stderr
    assert "task tasks/pairs asks something else than before" in done.stderr
    history = [json.loads(line) for line in Path("run/history.jsonl").read_text().splitlines()]
    assert any("--eval.tasks was" in change for change in history[0]["changes"])
    assert any("--sample.prompts was none" in change for change in history[0]["changes"])
    assert any("asks something else" in change for change in history[-1]["changes"])
    assert {line["step"] for line in samples(Path("run"))} == {8, 12}
    assert trained(packed, Path("run"), "--overwrite").returncode == 0
    assert not Path("run/samples.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--eval.tasks", "nowhere"], "nowhere: no such file or folder"),
        (["--eval.tasks", "no*.jsonl"], "--eval.tasks: no*.jsonl: no file matches this pattern"),
        (["--eval.tasks", "damaged.jsonl"], "damaged.jsonl: line 2: "),
        (["--eval.tasks", "long.jsonl"], "long.jsonl: line 1: a continuation has "),
        (["--eval.tasks", "pair.jsonl", "--eval.shots", "3"], "--eval.shots: got 3, must be"),
        (["--eval.limit", "0"], "--eval.limit: got 0, must be at least 1"),
        (["--sample.prompts", "nowhere.txt"], "--sample.prompts: cannot read nowhere.txt"),
        (["--sample.prompts", "blank.txt"], "--sample.prompts: blank.txt has no prompts"),
        (["--sample.prompts", "latin.txt"], "latin.txt:1: not UTF-8"),
        (
            ["--sample.prompts", "prompt.txt", *ENCODER],
            "--sample.prompts: prompt.txt:1: got 'The class', and a run with --objective mlm",
        ),
    ],
)
def test_mistakes_are_reported_before_anything_is_written(
    packed: Path, here: Path, lmkit: Lmkit, options: list[str], message: str
) -> None:
    write_prompts(Path("prompt.txt"), "The class")
    Path("blank.txt").write_text("\n  \n")
    Path("latin.txt").write_bytes("caf\xe9 noir".encode("latin-1"))
    pair = {"sentence_good": "a b", "sentence_bad": "b a"}
    write_lines(Path("pair.jsonl"), [pair, {**pair, "sentence_bad": "c"}])
    Path("damaged.jsonl").write_text(json.dumps(pair) + '\n{"sentence_good": ')
    write_lines(Path("long.jsonl"), [{"context": "a", "continuation": "word " * 300}])
    command = command_of(packed, Path("run"), *options)
    exit_code, out, err = lmkit(*command)
    assert (exit_code, out) == (2, "") and message in err, err
    assert "Traceback" not in err and not Path("run").exists()


def test_a_dry_run_checks_what_is_asked_and_writes_nothing(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    command = command_of(packed, Path("run"), *asking(Path()), "--dry-run")
    assert lmkit(*command)[0] == 0 and not Path("run").exists()
    exit_code, _, err = lmkit(*command, "--sample.prompts", "nowhere.txt")
    assert exit_code == 2 and "nowhere.txt" in err and not Path("run").exists()


def test_control_characters_of_a_text_do_not_reach_the_terminal(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    Path("prompts.txt").write_text("a \x1b[31m b \u202e c\n")
    command = command_of(packed, Path("run"), "--sample.prompts", "prompts.txt")
    exit_code, out, err = lmkit(*command)
    assert exit_code == 0 and "\x1b" not in err + out and "\u202e" not in err
    assert "step 12: a \\x1b[31m b \\u202e c" in err
    assert samples(Path("run"))[0]["text"].startswith("a \x1b[31m b \u202e c")
    assert "\x1b" not in lmkit("inspect", "run")[1]


def test_a_run_that_is_asked_nothing_records_nothing_of_it(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    done: subprocess.CompletedProcess[str] = trained(packed, Path("run"))
    assert done.returncode == 0
    assert not any("tasks" in line or "groups" in line for line in metrics(Path("run")))
    assert "tasks" not in json.loads(lmkit("inspect", "run", "--json")[1])["resolved"]
