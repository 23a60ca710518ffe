"""A cluster of two nodes on this machine, where Ray is installed; else only what needs none."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import ConfigError, LmkitError
from lmkit.execution.executors import ray_executor
from lmkit.execution.executors.executor import run_on
from lmkit.execution.executors.options import RayConfig
from lmkit.execution.executors.ray_executor import RayExecutor, connected
from tests.conftest import prose
from tests.execution.executors.made import die, die_once, fail_at_three, square

CLUSTER = """
import sys, time
from ray.cluster_utils import Cluster
one = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80_000_000}
cluster = Cluster(initialize_head=True, head_node_args=one)
cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # it takes the loopback address
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def test_an_address_that_nothing_answers_at_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, place = time.monotonic(), f"127.0.0.1:{free_port()}"
    with pytest.raises(ConfigError, match=f"--ray.address {place}: nothing answers"):
        connected(place)
    assert time.monotonic() - started < 10
    monkeypatch.setenv("RAY_ADDRESS", place)
    with pytest.raises(ConfigError, match=f"--ray.address auto: nothing answers at {place}"):
        connected("auto")


def test_an_address_must_be_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for wrong in ("head", "ray://head:10001", "head:port"):
        with pytest.raises(ConfigError, match="must be HOST:PORT or auto"):
            connected(wrong)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray_executor, "CURRENT_CLUSTER", tmp_path / "none")
    with pytest.raises(ConfigError, match="no Ray cluster runs here"):
        connected("auto")


@pytest.fixture(scope="module")
def cluster() -> Generator[str]:
    """The address of a cluster; the process that started it ends it."""
    if find_spec("ray") is None:
        pytest.skip("Ray isn't installed (pip install '.[ray]')")
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        if "ray" in sys.modules:
            sys.modules["ray"].shutdown()  # it ends a process whose cluster is gone
        process.communicate()


@pytest.fixture
def executor(cluster: str, monkeypatch: pytest.MonkeyPatch) -> RayExecutor:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return RayExecutor(RayConfig(address=cluster), retries=2, at_most=None)


def numbers(executor: RayExecutor, function: Any, tasks: Any) -> list[Any]:
    return run_on(executor, function, tasks, range(len(tasks)), lambda number: None)


def test_tasks_give_their_results(executor: RayExecutor) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    assert numbers(executor, square, range(30)) == [n * n for n in range(30)]
    assert signal.getsignal(signal.SIGTERM) == handler


def test_an_error_is_not_repeated(executor: RayExecutor) -> None:
    with pytest.raises(LmkitError, match="task 3 can't be read") as error:
        numbers(executor, fail_at_three, range(6))
    assert error.value.hint == "a hint"


def test_a_lost_task_is_given_again(executor: RayExecutor, tmp_path: Path) -> None:
    marks = [str(tmp_path / str(number)) for number in range(3)]
    assert numbers(executor, die_once, marks) == ["done"] * 3


def test_a_task_that_always_dies_is_named(executor: RayExecutor) -> None:
    with pytest.raises(LmkitError, match="task 0: its worker was lost 3 times"):
        numbers(executor, die, [1])


def test_a_stage_has_the_same_bytes(cluster: str, here: Path) -> None:
    lines = [json.dumps({"id": str(n), "text": text}) for n, text in enumerate(prose(200))]
    Path("docs").mkdir()
    for number in range(6):
        part = [*lines[number::6], *lines[: 5 * number]]
        Path(f"docs/{number}.jsonl").write_text("\n".join(part))
    env = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)}
    common = ("dedup", "docs", "--shard-bytes", "9000", "--minhash.action", "none")
    where = {"local": (), "ray": ("--executor", "ray", "--ray.address", cluster)}
    for name, typed in where.items():
        command = [sys.executable, "-m", "lmkit", *common, "--output", name, *typed]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if name == "ray":
            assert "ray: 2 nodes, 2 cores" in done.stderr
    shards = [{p.name: p.read_bytes() for p in Path(n).glob("*.zst")} for n in where]
    assert shards[0] == shards[1] and len(shards[0]) > 4
