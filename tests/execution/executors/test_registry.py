from importlib import util
from pathlib import Path

import pytest

from lmkit.commands.registry import COMMANDS
from lmkit.config import Group
from lmkit.errors import ConfigError
from lmkit.execution.executors import registry
from lmkit.execution.executors.options import SharesTasks
from tests.conftest import Lmkit


@pytest.mark.parametrize("name", ["local", "inline"])
def test_this_machine_needs_no_executor(name: str, here: Path) -> None:
    config = SharesTasks.model_validate({"executor": name})
    assert registry.executor_of(config, Path("x")) is None
    assert registry.executor_of(Group(), Path("x")) is None


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_what_is_missing_is_named_before_anything_is_written(
    name: str, package: str, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    Path("a.txt").write_text("A text that is read by one task.")
    exit_code, _, err = lmkit("clean", "a.txt", "--output", "out", "--executor", name)
    assert exit_code == 2 and f"--executor {name}: needs {package}" in err
    assert f"pip install '{package}>=" in err and not Path("out").exists()


def test_every_stage_that_has_tasks_shares_them(here: Path, lmkit: Lmkit) -> None:
    names = [each.name for each in COMMANDS if "--executor" in lmkit(each.name, "--help")[1]]
    assert {"clean", "dedup", "train-tokenizer", "pack"} <= set(names)


def test_workers_are_a_limit_only_where_they_are_typed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmkit.commands.pack.options import PackConfig
    from lmkit.execution.executors import ray_executor

    monkeypatch.setattr(registry, "find_spec", util.find_spec)
    monkeypatch.setattr(registry, "PACKAGES", {"ray": "json"})
    limits: list[int | None] = []
    monkeypatch.setattr(
        ray_executor, "RayExecutor", lambda options, retries, at_most: limits.append(at_most)
    )
    for more in ({}, {"workers": 3}):
        config = PackConfig.model_validate(
            {"inputs": ["a"], "output": "b", "executor": "ray", **more}
        )
        registry.executor_of(config, Path("x"))
    assert limits == [None, 3]


def test_a_wrong_executor_is_refused() -> None:
    with pytest.raises(ValueError, match="executor"):
        SharesTasks.model_validate({"executor": "dask"})
    assert issubclass(ConfigError, Exception)
