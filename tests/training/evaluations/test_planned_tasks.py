"""Tasks of a run: those that its model can't answer are refused before."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import ConfigError, InputError
from lmkit.training.evaluations.options import EvaluationConfig
from lmkit.training.evaluations.planned_tasks import plan_tasks
from tests.conftest import FAMILIES
from tests.training.evaluations.asked import write_lines, write_tasks
from tests.training.evaluations.stand_ins import stand_in_of

Runs = Callable[[str], Path]


def options(*tasks: Path, **more: Any) -> EvaluationConfig:
    return EvaluationConfig(tasks=tasks, **more)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_tasks(family: str, runs: Runs, here: Path) -> None:
    planned = plan_tasks(options(write_tasks(Path("tasks"))), stand_in_of(runs(family)))
    assert [task.name for task in planned.tasks] == ["tasks/choices", "tasks/pairs"]
    assert planned.digests.keys() == {"tasks/choices", "tasks/pairs"}


def test_a_digest_is_of_what_is_asked(runs: Runs, here: Path) -> None:
    def digests(**more: Any) -> dict[str, str]:
        return plan_tasks(options(Path("tasks"), **more), scored).digests

    write_tasks(Path("tasks"), 9)
    scored = stand_in_of(runs("llama"))
    first = digests()
    Path("tasks/pairs.jsonl").touch()
    assert digests() == first == digests(limit=None, every=7)
    assert digests(limit=3).items().isdisjoint(first.items())
    shots = digests(shots=1)
    assert shots["tasks/pairs"] != first["tasks/pairs"]
    with Path("tasks/pairs.jsonl").open("a") as file:
        file.write('{"sentence_good": "one", "sentence_bad": "two"}\n')
    changed = digests()
    assert changed["tasks/choices"] == first["tasks/choices"]
    assert changed["tasks/pairs"] != first["tasks/pairs"]


def test_errors_name_the_options_of_pretrain(runs: Runs, here: Path) -> None:
    pair: dict[str, object] = {"sentence_good": "a", "sentence_bad": "b"}
    path, scored = write_lines(Path("one.jsonl"), [pair]), stand_in_of(runs("llama"))
    with pytest.raises(InputError, match=r"--eval\.shots: got 1, must be at most 0"):
        plan_tasks(options(path, shots=1), scored)
    with pytest.raises(InputError, match=r"--eval\.tasks: x\*y: no file"):
        plan_tasks(options(Path("x*y")), scored)


def test_a_continuation_that_is_too_long_is_found_before_training(runs: Runs, here: Path) -> None:
    long: dict[str, object] = {"context": "a", "continuation": "word " * 300}
    with pytest.raises(InputError, match=r"long\.jsonl: line 1: a continuation has"):
        plan_tasks(options(write_lines(Path("long.jsonl"), [long])), stand_in_of(runs("llama")))


def test_an_objective_without_a_format_of_prompts_is_refused(
    runs: Runs, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = stand_in_of(runs("llama"))
    monkeypatch.setattr(type(scored.objective), "prompt_format", lambda *_: None)
    message = "--eval.tasks: a run with --objective clm has learned no format of a prompt"
    with pytest.raises(ConfigError, match=message) as error:
        plan_tasks(options(write_tasks(Path("tasks"))), replace(scored))
    assert "--data" not in str(error.value.hint)
