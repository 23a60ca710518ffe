"""Evaluation by two processes: the bytes of one, also after it was killed."""

import json
import subprocess
from pathlib import Path

from tests.conftest import contents, prose
from tests.training.launched import ENVIRONMENT, lmkit_command


def evaluated(processes: int, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = lmkit_command(processes, "eval", *arguments, "--device", "cpu")
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)


def write_inputs() -> None:
    words = " ".join(prose(30)).split()
    Path("tasks").mkdir()
    for name, count in (("a", 30), ("b", 7)):
        lines = [
            {
                "sentence_good": " ".join(words[n : n + 4]),
                "sentence_bad": " ".join(words[n : n + 3]),
            }
            for n in range(count)
        ]
        Path(f"tasks/{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    texts = [{"id": str(n), "text": text} for n, text in enumerate(prose(9, words=60))]
    Path("documents.jsonl").write_text("\n".join(map(json.dumps, texts)))


def test_two_processes_write_the_bytes_of_one_and_resume(
    trained: Path, packed: Path, here: Path
) -> None:
    write_inputs()
    inputs = (
        "--data",
        packed,
        "--data",
        "documents.jsonl",
        "--task",
        "tasks",
        "--micro-batch",
        "2",
    )
    one = evaluated(1, trained, *inputs, "--output", "one")
    two = evaluated(2, trained, *inputs, "--output", "two")
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    assert contents(Path("two")) == contents(Path("one"))
    assert two.stdout == one.stdout and two.stdout.count("items") == 2
    assert two.stderr.count("answering tasks: 37/37 items") == 1

    # What a run has left that was killed after its first task.
    script = (
        "import os, sys, lmkit.evaluation.tasks.answers_file as file\n"
        "from lmkit.cli import main\n"
        "real = file.answer_record\n"
        "def record(task, answer):\n"
        "    if task.name == 'tasks/b': os.kill(os.getpid(), 9)\n"
        "    return real(task, answer)\n"
        "file.answer_record = record\n"
        "sys.exit(main())\n"
    )
    Path("killed.py").write_text(script)
    command = lmkit_command(1, "eval", trained, *inputs, "--device", "cpu", "--output", "half")
    command[1:3] = ["killed.py"]
    assert subprocess.run(command, env=ENVIRONMENT, capture_output=True).returncode == -9
    again = evaluated(2, trained, *inputs, "--output", "half")
    assert again.returncode == 0, again.stderr
    assert "resuming: 1 of 2 tasks" in again.stderr
    assert "answering tasks: 7/7 items" in again.stderr
    assert contents(Path("half")) == contents(Path("one"))
    assert "half: up to date" in evaluated(2, trained, *inputs, "--output", "half").stderr


def test_an_error_of_one_process_ends_both_with_one_message(trained: Path, here: Path) -> None:
    Path("t.jsonl").write_text('{"context": "a", "continuation": "' + "word " * 90 + '"}')
    done = evaluated(2, trained, "--task", "t.jsonl", "--output", "out")
    assert done.returncode != 0 and not Path("out/manifest.json").exists()
    assert done.stderr.count("Error: t.jsonl: line 1: a continuation has") == 1
