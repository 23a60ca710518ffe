import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from lmkit.errors import InputError, LmkitError
from lmkit.execution.executors.remote_call import (
    Outcome,
    RemoteFunction,
    installed_versions,
    refuse_other_versions,
    run_remotely,
)
from tests.execution.executors.made import (
    fail_at_three,
    out_of_memory,
    raise_unsendable,
    square,
    surroundings,
)


@pytest.fixture(autouse=True)
def _same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "before")


def sent(outcome: Outcome) -> Outcome:
    """As it comes back from another machine."""
    return pickle.loads(pickle.dumps(outcome))


def test_the_result_of_a_task_comes_back_with_its_number(here: Path) -> None:
    outcome = sent(run_remotely(RemoteFunction.of(square), 7, 3))
    assert (outcome.number, outcome.unwrapped()) == (7, 9)


def test_a_task_runs_in_the_folder_of_who_gave_it_with_one_thread(here: Path) -> None:
    function = RemoteFunction.of(surroundings)
    os.chdir("/")
    assert run_remotely(function, 0, 0).unwrapped() == (str(here), "1", "false")


def test_an_error_keeps_its_class_its_hint_and_its_traceback(here: Path) -> None:
    outcome = sent(run_remotely(RemoteFunction.of(fail_at_three), 0, 3))
    with pytest.raises(InputError, match="task 3 can't be read") as error:
        outcome.unwrapped()
    assert error.value.hint == "a hint"
    assert "in fail_at_three" in str(error.value.__cause__)


def test_an_error_that_cant_be_sent_is_sent_as_text(here: Path) -> None:
    outcome = sent(run_remotely(RemoteFunction.of(raise_unsendable), 0, 1))
    with pytest.raises(RuntimeError, match="UnsendableError: 1 and 2"):
        outcome.unwrapped()


def test_missing_memory_names_the_task_and_the_machine(here: Path) -> None:
    outcome = run_remotely(RemoteFunction.of(out_of_memory), 5, 0)
    with pytest.raises(LmkitError, match=f"task 5: {os.uname().nodename} ran out of memory"):
        outcome.unwrapped()


@pytest.mark.parametrize("name", ["Python", "lmkit", "zstandard"])
def test_other_versions_are_refused_by_name(name: str, here: Path) -> None:
    refuse_other_versions(installed_versions())
    wanted = tuple((each, "9.9" if each == name else text) for each, text in installed_versions())
    outcome = run_remotely(replace(RemoteFunction.of(square), versions=wanted), 0, 1)
    with pytest.raises(LmkitError, match=f"has {name} .*, and the machine that .* has 9.9"):
        outcome.unwrapped()


def test_a_machine_needs_the_same_folders(here: Path) -> None:
    function = replace(RemoteFunction.of(square), folder="/no/such/folder")
    with pytest.raises(LmkitError, match="has no folder /no/such/folder") as error:
        run_remotely(function, 0, 1).unwrapped()
    assert error.value.hint and "shared file system" in error.value.hint
