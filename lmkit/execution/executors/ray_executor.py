"""Tasks on a Ray cluster, which a person has started.

Choices:
- Ray's core alone: no data goes through its object store.
- An address is tried before Ray is asked: `ray.init` waits for many minutes for one that nothing
  listens at, and can't be interrupted.
- Ray takes the handler of SIGTERM, by which lmkit stops in good order: it is given back.
- Ray repeats a task that its memory monitor has killed, without a limit and also where another
  process filled the memory: that is bounded.
- After an interrupt the connection is closed, and the cluster ends what this process has given:
  to cancel a task that ends in that moment makes Ray (2.60) end this process by a failed check.
- Only as many tasks are given as keep all cores busy: Ray takes longer to wait for many.
- A worker is kept for ten seconds of tasks. Ray gives it back after half a second: between short
  tasks it would wait for the next one while the nodes are asked for a worker again.
"""

import math
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any

from lmkit.errors import ConfigError, LmkitError
from lmkit.execution.executors.executor import Executor, RemoteStep
from lmkit.execution.executors.options import RayConfig
from lmkit.execution.executors.remote_call import Outcome, run_remotely
from lmkit.execution.progress import log_message

CURRENT_CLUSTER = Path("/tmp/ray/ray_current_cluster")
CONNECT_SECONDS = 5.0
POLL_SECONDS = 0.5
COUNT_SECONDS = 5.0
"""After which the cores of the cluster are counted again."""
PER_CORE = 2
"""Tasks that are given for each core: one that runs, and one that follows."""
ENVIRONMENT = {
    "RAY_task_oom_retries": "10",
    "RAY_worker_lease_timeout_milliseconds": "10000",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
}


class RayExecutor(Executor):
    """Runs tasks on a Ray cluster."""

    def __init__(self, options: RayConfig, retries: int, at_most: int | None) -> None:
        self._options, self._retries, self._at_most = options, retries, at_most

    def outcomes(self, step: RemoteStep) -> Generator[Outcome]:
        """Yield what became of each task, as it ends; to close the generator ends what runs."""
        ray = connected(self._options.address)
        needs: dict[str, Any] = {"num_cpus": 1, "max_retries": self._retries}
        if self._options.task_memory is not None:
            needs["memory"] = self._options.task_memory
        remote, shared = ray.remote(**needs)(run_remotely), ray.put(step.function)
        waiting, running = deque(step.order), dict[Any, int]()
        counted, most = -math.inf, 0
        try:
            while running or (waiting and step.gives_more()):
                if time.monotonic() > counted + COUNT_SECONDS:  # machines come and go
                    counted, most = time.monotonic(), self._at_most or PER_CORE * _cores(ray)
                while waiting and step.gives_more() and len(running) < most:
                    number = waiting.popleft()
                    running[remote.remote(shared, number, step.tasks[number])] = number
                ended, _ = ray.wait(list(running), timeout=POLL_SECONDS)
                for reference in ended:
                    yield self._outcome(ray, reference, running.pop(reference))
        finally:
            if running:
                ray.shutdown()  # its workers end with it

    def _outcome(self, ray: Any, reference: Any, number: int) -> Outcome:
        errors = ray.exceptions
        try:
            return ray.get(reference)
        except errors.OutOfMemoryError:
            message = (
                f"task {number}: a machine of the Ray cluster ran out of memory, again and again"
            )
            hint = (
                "--ray.task-memory BYTES lets fewer run at a time; --shard-bytes makes them smaller"
            )
        except errors.RayTaskError as error:
            return Outcome(number, error=error.cause or error, trace=str(error))
        except errors.RayError as error:
            times = self._retries + 1
            reason = str(error).partition("\n")[0].strip()
            message = f"task {number}: its worker was lost {times} times ({reason})"
            hint = "finished tasks are kept: see the logs of the cluster, and run the same again"
        return Outcome(number, error=LmkitError(message, hint))


def connected(address: str) -> Any:
    """Return the module `ray`, connected to a cluster.

    Raises ConfigError where there is none, or Ray isn't installed.
    """
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        return sys.modules["ray"]
    head = _head(address)
    _refuse_unreachable(address, head)
    ray = _ray()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=head, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"--ray.address {address}: {reason}",
            "Ray and Python must be the same on every machine; `ray status` shows the cluster",
        ) from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    log_message(f"ray: {len(nodes)} nodes, {_cores(ray)} cores at {head}")
    return ray


def _ray() -> Any:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")
    except ImportError:
        # Said while planning (`registry.refuse_missing`), but for a broken installation.
        raise ConfigError(
            "--executor ray: Ray can't be imported", "install it again: pip install 'ray>=2.50,<3'"
        ) from None


def _cores(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _head(address: str) -> str:
    """Return HOST:PORT of the cluster."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or "/" in host:
            raise ConfigError(
                f"--ray.address: got {address}, must be HOST:PORT or auto",
                "`ray start --head` prints it; its port is 6379 unless another was given",
            )
        return address
    found = os.environ.get("RAY_ADDRESS") or _current_cluster()
    if not found:
        raise ConfigError(
            "--ray.address auto: no Ray cluster runs here, and RAY_ADDRESS isn't set",
            "start one (`ray start --head`), or name one: --ray.address HOST:6379",
        )
    return found


def _current_cluster() -> str:
    try:
        return CURRENT_CLUSTER.read_text("utf-8").strip()
    except OSError:
        return ""


def _refuse_unreachable(address: str, head: str) -> None:
    host, _, port = head.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"--ray.address {address}: nothing answers at {head} ({reason})",
            "check that the cluster runs, and that this machine reaches its head",
        ) from None
