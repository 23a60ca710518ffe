"""The same bytes from every executor, faults included, and what Ray costs.

    python tests/benchmarks/executors.py equal TEXTS SCRATCH
    python tests/benchmarks/executors.py faults TEXTS SCRATCH [--stages pack]
    python tests/benchmarks/executors.py interrupt TEXTS SCRATCH [--stages clean,pack]
    python tests/benchmarks/executors.py overhead

It needs Ray and submitit (pip install '.[ray,slurm]'). A cluster of two nodes with a core each is
started on this machine; jobs of Slurm are those of a real one where `sbatch` is there, else
submitit's, on this machine.

    equal     clean, dedup, train-tokenizer and pack of TEXTS (a folder of text files): inline, in
              two processes, on Ray, as jobs; SHA-256 of all outputs and of manifests without times
    faults    the same on Ray, each stage with a worker killed, a node killed, the driver killed,
              SIGTERM, and a worker stopped for 30 s: exit codes, and equal bytes after the same
              command again
    interrupt Ctrl-C at three moments of each stage on Ray: seconds until the command has ended, its
              exit code, and equal bytes after the same command again
    overhead  1,000 tasks of 0.2 s, two processes against Ray with two cores; seconds without the
              start, and the memory of the driver with 60,000 tasks
"""

import argparse
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

STAGES = ("clean", "dedup", "train-tokenizer", "pack")
NOT_COMPARED = {
    "seconds",
    "task_seconds",
    "bytes_per_second",
    "created",
    "machine",
    "python",
    "platform",
    "rate",
    "finished",
    "started",
}
AS_SUBMITIT = """
import sys
from lmkit.execution.executors import slurm_executor
import lmkit.execution.executors.slurm_executor as module
init = module.SlurmExecutor.__init__
def local(self, *arguments, cluster="local", **more):
    init(self, *arguments, cluster=cluster, **more)
module.SlurmExecutor.__init__ = local
from lmkit.cli import main
sys.exit(main(sys.argv[1:]))
"""
ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
options = {"num_cpus": 1, "object_store_memory": 80_000_000}
cluster = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False})
nodes = [cluster.add_node(**options)]
print(cluster.address, flush=True)
for line in sys.stdin:
    if line == "kill\\n":
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        nodes.append(cluster.add_node(**options))
        print("killed", flush=True)
cluster.shutdown()
"""


IMPORTABLE = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
"""Folders of what workers import."""


@contextmanager
def cluster() -> Generator["subprocess.Popen[str]"]:
    """Run a cluster; its address is the first line that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(IMPORTABLE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.communicate()


def address_of(process: "subprocess.Popen[str]") -> str:
    """Return the address of a cluster, once it runs."""
    assert process.stdout
    if address := process.stdout.readline().strip():
        return address
    raise SystemExit("the cluster didn't start: Ray gives up where the machine is too busy")


def commands(texts: Path, work: Path) -> dict[str, list[str]]:
    """Return the command of each stage, into a folder."""
    small = ("--shard-bytes", "1500000")
    return {
        "clean": ["clean", str(texts), "--output", str(work / "clean"), *small],
        "dedup": ["dedup", str(work / "clean"), "--output", str(work / "dedup"), *small],
        "train-tokenizer": [
            *("train-tokenizer", str(work / "dedup"), "--output", str(work / "train-tokenizer")),
            *("--vocab-size", "4000"),
        ],
        "pack": [
            *("pack", str(work / "dedup"), "--output", str(work / "pack"), *small),
            *("--tokenizer", str(work / "train-tokenizer"), "--sequence-length", "256"),
        ],
    }


def started(command: Sequence[str], executor: str, address: str) -> "subprocess.Popen[str]":
    """Start a command by an executor."""
    program = [sys.executable, "-m", "lmkit"]
    more = {
        "inline": ["--executor", "inline"],
        "local": ["--workers", "2"],
        "ray": ["--executor", "ray", "--ray.address", address],
        "slurm": ["--executor", "slurm", "--slurm.jobs", "4"],
    }[executor]
    if executor == "slurm" and shutil.which("sbatch") is None:
        program = [sys.executable, "-c", AS_SUBMITIT]
    return subprocess.Popen(
        [*program, *command, *more],
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> int:
    """Wait for a command; return its exit code."""
    _, errors = process.communicate()
    if process.returncode not in {0, 130, 143, -9}:
        print(errors[-2_000:])
    return process.returncode


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of an output; of the manifest, of what isn't a time."""
    found: dict[str, str] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if path.name == "manifest.json":
            data = json.dumps(_lasting(json.loads(data)), sort_keys=True).encode()
            data = data.replace(str(folder.parent).encode(), b"WORK")
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in value.items() if k not in NOT_COMPARED}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def equal(texts: Path, scratch: Path) -> None:
    """Compare the executors."""
    expected: dict[str, dict[str, str]] = {}
    with cluster() as process:
        address = address_of(process)
        for executor in ("inline", "local", "ray", "slurm"):
            work = scratch / "work"
            shutil.rmtree(work, ignore_errors=True)
            for stage, command in commands(texts, work).items():
                begun = time.perf_counter()
                code = ended(started(command, executor, address))
                seconds = time.perf_counter() - begun
                found = digests(work / stage)
                same = found == expected.setdefault(stage, found)
                different = [n for n in found if found[n] != expected[stage].get(n)]
                print(
                    f"{executor:7} {stage:16} exit {code} {seconds:6.1f} s {len(found):4} files "
                    f"{'equal' if same else f'DIFFERENT: {different}'}",
                    flush=True,
                )


def workers() -> list[int]:
    """Return the processes of Ray that run a task now."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::run_remotely"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def hurt(what: str, driver: "subprocess.Popen[str]", process: "subprocess.Popen[str]") -> str:
    """Do something bad once a task runs; return what was done."""
    while driver.poll() is None and not workers():
        time.sleep(0.02)
    if driver.poll() is not None:
        return "too late"
    victims = workers()
    if what == "driver":
        driver.kill()
    elif what == "SIGTERM":
        driver.terminate()
    elif what == "node":
        assert process.stdin and process.stdout
        process.stdin.write("kill\n")
        process.stdin.flush()
        process.stdout.readline()
    elif victims:
        number = signal.SIGKILL if what == "worker" else signal.SIGSTOP
        try:
            os.kill(victims[0], number)
        except ProcessLookupError:
            return "too late"
        if what == "stopped":

            def go_on() -> None:
                with suppress(ProcessLookupError):
                    os.kill(victims[0], signal.SIGCONT)

            threading.Timer(30, go_on).start()
    return "done"


def made_here(
    texts: Path, scratch: Path, stages: Sequence[str]
) -> Iterator[tuple[str, list[str], Path, dict[str, str]]]:
    """Run all stages on this machine; yield the command, the folder and the digests of some."""
    work = scratch / "work"
    shutil.rmtree(work, ignore_errors=True)
    for stage, command in commands(texts, work).items():
        assert ended(started(command, "local", "")) == 0
        if stage in stages:
            yield stage, command, work / stage, digests(work / stage)


def faults(texts: Path, scratch: Path, stages: Sequence[str]) -> None:
    """Break each stage on Ray at three moments, and compare what the same command makes then."""
    for stage, command, output, expected in made_here(texts, scratch, stages):
        for what in ("worker", "node", "driver", "SIGTERM", "stopped"):
            with cluster() as process:  # a new one for each kind: what is left of it is no part
                address = address_of(process)
                for moment in (0.0, 0.7, 1.6):
                    shutil.rmtree(output)
                    driver = started(command, "ray", address)
                    while driver.poll() is None and not workers():
                        time.sleep(0.02)
                    time.sleep(moment)
                    done = hurt(what, driver, process)
                    codes = [ended(driver)]
                    while codes[-1] != 0 and len(codes) < 3:
                        codes.append(ended(started(command, "ray", address)))
                    same = digests(output) == expected
                    print(
                        f"{stage:16} {what:8} at {moment:3.1f} s ({done}): exit "
                        f"{', then '.join(map(str, codes))}, {'equal' if same else 'DIFFERENT'}",
                        flush=True,
                    )


def interrupt(texts: Path, scratch: Path, stages: Sequence[str]) -> None:
    """Press Ctrl-C at three moments of each stage on Ray, and time how long the command runs on."""
    for stage, command, output, expected in made_here(texts, scratch, stages):
        with cluster() as process:
            address = address_of(process)
            for moment in (0.0, 0.7, 1.6):
                shutil.rmtree(output)
                driver = started(command, "ray", address)
                while driver.poll() is None and not workers():
                    time.sleep(0.02)
                time.sleep(moment)
                begun, is_late = time.perf_counter(), driver.poll() is not None
                driver.send_signal(signal.SIGINT)
                codes = [ended(driver)]
                seconds = time.perf_counter() - begun
                if codes[-1] != 0:
                    codes.append(ended(started(command, "ray", address)))
                same = digests(output) == expected
                print(
                    f"{stage:16} at {moment:3.1f} s ({'too late' if is_late else 'done'}): "
                    f"{seconds:.2f} s, exit {', then '.join(map(str, codes))}, "
                    f"{'equal' if same else 'DIFFERENT'}",
                    flush=True,
                )


def wait(seconds: float) -> float:
    """Do nothing: the task of `overhead`."""
    time.sleep(seconds)
    return seconds


def overhead() -> None:
    """Compare the seconds of 1,000 tasks, and print the memory of a driver of 60,000."""
    from lmkit.execution.executors.options import RayConfig
    from lmkit.execution.executors.ray_executor import RayExecutor
    from lmkit.execution.pool import map_tasks

    wait = importlib.import_module("executors").wait  # workers can't import __main__'s
    os.environ.update(ENVIRONMENT)
    with cluster() as process:
        options = RayConfig(address=address_of(process))
        ray = RayExecutor(options, 5, None)
        map_tasks(wait, [0.01] * 8, workers=1, label="start", executor=ray)
        for number in range(3):
            times: list[float] = []
            for executor in (None, ray):
                begun = time.perf_counter()
                map_tasks(wait, [0.2] * 1_000, workers=2, label="x", executor=executor)
                times.append(time.perf_counter() - begun)
            print(
                f"round {number + 1}: {times[0]:.1f} s, Ray {times[1]:.1f} s: "
                f"{times[1] / times[0]:.3f}",
                flush=True,
            )
        begun = time.perf_counter()
        map_tasks(wait, [0.0] * 60_000, workers=2, label="x", executor=ray)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = time.perf_counter() - begun
        print(f"60,000 tasks: {seconds:.1f} s, {peak:.0f} MB in the driver")


def main() -> None:
    """Measure what was asked for."""
    # A shell lets what it starts in the background ignore Ctrl-C, and so would all commands here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("equal", "faults", "interrupt", "overhead"))
    parser.add_argument("texts", type=Path, nargs="?")
    parser.add_argument("scratch", type=Path, nargs="?")
    parser.add_argument("--stages", default=",".join(STAGES))
    typed = parser.parse_args()
    if typed.what == "overhead":
        overhead()
        return
    typed.scratch.mkdir(parents=True, exist_ok=True)
    where = typed.texts.resolve(), typed.scratch.resolve()
    if typed.what == "equal":
        equal(*where)
        return
    (faults if typed.what == "faults" else interrupt)(*where, typed.stages.split(","))


if __name__ == "__main__":
    main()
