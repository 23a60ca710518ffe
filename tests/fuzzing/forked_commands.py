"""Commands that read a mutated file, each in a forked child of a process that has imported all.

    python -m tests.fuzzing.forked_commands SCRATCH FIRST LAST [SECONDS] [--whole]

A case fails where there is a traceback, a panic, another exit code than 0, 1, 2 or 130, a signal,
or more than 10 s of processor, or 60 s in which it waits for something else than a processor. Each
is printed with its number, which reproduces it. With --whole, each case is a command of its own, as
a person types it.

Choices:
- Importing takes 30 times as long as most commands, so it is done once, and children are forked.
  The parent runs no command itself: threads don't survive a fork.
- A child has 3 GB more address space than its parent, so that an absurd size shows as an error.
"""

import contextlib
import gc
import importlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lmkit.commands.registry import COMMANDS as REGISTERED
from lmkit.config import options
from tests.fuzzing.disk_store import register_store
from tests.fuzzing.mutations import forge, mutated
from tests.fuzzing.seed_files import COMMANDS, make_seeds

SECONDS = 10
WALL_SECONDS = 60
ADDRESSES = 3 << 30
CODES = {0, 1, 2, 130}
TYPED = 0.1
"""Fraction of the cases in which no file is wrong, but the value of an option."""
TYPED_VALUES = (
    *("0", "1", "2", "-1", "1000000", "1000000000", "9223372036854775807", "1" + "0" * 30, "nan"),
    *("inf", "-inf", "1e308", "1e-308", "", "x" * 5_000, "none", "auto", "true", "\ud800", "a\0b"),
    *("0.5", "1.5", "9" * 5_000, "[", "a,b", "/dev/null", ".", "\u202e\x1b[2J"),
)
ASKS_FOR_WORK = ("--samples", "1000000")
"""As many texts are written, one after another: that isn't hanging."""
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    """Its exit code; negative: the signal that ended it."""
    seconds: float
    output: str

    @property
    def failure(self) -> str | None:
        """What is wrong with it; None where it is fine."""
        if self.seconds >= SECONDS or self.code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return f"hung, {self.seconds:.0f} s"
        if self.code not in CODES:
            return f"exit code {self.code}"
        bad = [word for word in ("Traceback", "PanicException") if word in self.output]
        return bad[0] if bad else None


@dataclass(frozen=True)
class Case:
    """A command, and the file that is mutated for it."""

    number: int
    command: Sequence[str]
    target: str
    what: str

    def __str__(self) -> str:
        return f"case {self.number}: lmkit {' '.join(self.command)}\n  {self.target}: {self.what}"


class Cases:
    """Cases by number, in folders that are copied from the seeds."""

    def __init__(self, seeds: Path) -> None:
        self.seeds = seeds
        self._files = {
            name: [path for path in sorted((seeds / name).rglob("*")) if path.is_file()]
            or [seeds / name]
            for name in COMMANDS
        }
        self._all = [path for files in self._files.values() for path in files]
        self._small = [path for path in self._all if path.stat().st_size < 1_000_000]

    def prepare(self, number: int, folder: Path) -> Case:
        """Copy what a command reads, and mutate one file of it."""
        rng = random.Random(number)
        top = rng.choice(list(COMMANDS))
        command = rng.choice(COMMANDS[top])
        if rng.random() < TYPED:
            self._copy(command, top, folder)
            flag, value = rng.choice(_flags(command[0])), rng.choice(TYPED_VALUES)
            if (flag, value) == ASKS_FOR_WORK:
                value = "3"
            return Case(number, (*command, f"{flag}={value}"), "command line", value[:40])
        # A folder may hold many files of the same kind, and one of another.
        ending = rng.choice(sorted({path.suffix for path in self._files[top]}))
        path = rng.choice([each for each in self._files[top] if each.suffix == ending])
        self._copy(command, top, folder)
        target = folder / path.relative_to(self.seeds)
        before = path.read_bytes()
        data, what = mutated(before, path.name, rng, self._small)
        target.write_bytes(data)
        if rng.random() < 0.6:
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                forge(folder, target, before)
                what += ", forged"
        return Case(number, command, str(path.relative_to(self.seeds)), what)

    def _copy(self, command: Sequence[str], top: str, folder: Path) -> None:
        """Copy the seeds that a command reads."""
        named = {each.partition("/")[0].replace("disk:", "store") for each in command}
        for name in named | {"tasks", "prompts.txt", top}:
            source = self.seeds / name
            if source.is_dir():
                shutil.copytree(source, folder / name, dirs_exist_ok=True)
            elif source.is_file():
                shutil.copyfile(source, folder / name)


def _flags(command: str) -> list[str]:
    config = next(each.config for each in REGISTERED if each.name == command)
    return [each.typed for each in options(config) if not each.positional]


def run_forked(folder: Path, command: Sequence[str]) -> Outcome:
    """Run a command line in a folder, in a forked child."""
    sys.stdout.flush()
    sys.stderr.flush()
    output = folder / ".output"
    start, child = time.monotonic(), os.fork()
    if not child:
        _run_and_exit(folder, command, output)
    status, used = 0, None
    while used is None:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            used = usage.ru_utime + usage.ru_stime
        elif time.monotonic() - start - _seconds_in_line(child) > WALL_SECONDS:
            os.killpg(child, signal.SIGKILL)
            os.wait4(child, 0)
            used, status = WALL_SECONDS, signal.SIGKILL
        else:
            time.sleep(0.003)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it has left behind
    return Outcome(os.waitstatus_to_exitcode(status), used, output.read_text("utf-8", "replace"))


def _seconds_in_line(process: int) -> float:
    """Return how long a process could run, but others did; 0 where that isn't known."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _run_and_exit(folder: Path, command: Sequence[str], output: Path) -> None:
    code = 99
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        file = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(file, stream)
        sys.stdout, sys.stderr = (os.fdopen(os.dup(n), "w", 1, "utf-8", "replace") for n in (1, 2))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 1, SECONDS + 2))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        from lmkit.cli import main

        code = main(list(command))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def run_whole(folder: Path, command: Sequence[str]) -> Outcome:
    """Run a command line as a person does."""
    start, output = time.monotonic(), folder / ".output"
    # A system passes on neither of the two.
    possible = [each.replace("\0", "").replace("\ud800", "\udc80") for each in command]
    typed = [sys.executable, "-m", module_of(command), *possible]
    with output.open("wb") as file:
        process = subprocess.Popen(
            typed, cwd=folder, stdout=file, stderr=subprocess.STDOUT, env=_environment()
        )
        while process.poll() is None:
            if time.monotonic() - start - _seconds_in_line(process.pid) > WALL_SECONDS:
                process.kill()
                process.wait()
            time.sleep(0.05)
    text = output.read_text("utf-8", "replace")
    seconds = min(time.monotonic() - start, SECONDS - 1)  # Python's start on a busy machine
    return Outcome(process.returncode, seconds, text)


def module_of(command: Sequence[str]) -> str:
    """Return the module that runs a command: one that knows the store, or lmkit itself."""
    is_stored = any(each.startswith("disk:") for each in command)
    return "tests.fuzzing.disk_store" if is_stored else "lmkit"


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


STOPPED = """
import sys
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.cli import main
from tests.fuzzing.disk_store import register_store
def stop(*_, **__): raise KeyboardInterrupt
OutputFolder.complete = stop
register_store()
sys.exit(main(sys.argv[1:]))
"""


def _run_seeds(folder: Path, command: Sequence[str], *, stopped: bool = False) -> int:
    start = ["-c", STOPPED] if stopped else ["-m", module_of(command)]
    typed = [sys.executable, *start, *command]
    done = subprocess.run(
        typed, cwd=folder, capture_output=True, check=False, text=True, env=_environment()
    )
    if done.returncode not in {0, 130 if stopped else 0}:
        print(command, done.stderr)
    return done.returncode


LOADED = """
import sys
from lmkit.cli import main
main(sys.argv[2:])
open(sys.argv[1], "a").write("\\n".join([*sys.modules, ""]))
"""


@cache
def import_all(seeds: Path, scratch: Path) -> None:
    """Import what the commands import, each of which is tried once.

    What is imported is never collected: a child would copy all of it to see that it is in use.
    """
    tried = [command for commands in COMMANDS.values() for command in commands]
    names, found = scratch / "modules", scratch / "modules.new"
    if not names.exists():
        found.unlink(missing_ok=True)
        for command in {command[0]: command for command in tried}.values():
            with TemporaryDirectory(dir=scratch) as trial:
                shutil.copytree(seeds, trial, dirs_exist_ok=True)
                typed = [sys.executable, "-c", LOADED, str(found), *command]
                subprocess.run(typed, cwd=trial, capture_output=True, check=False)
        found.rename(names)
    for name in sorted(set(names.read_text().split())):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def prepared(scratch: Path, *, whole: bool = False) -> Path:
    """Return the folder of the seeds, which is made once; import what children need."""
    os.environ |= ENVIRONMENT
    register_store()
    scratch.mkdir(parents=True, exist_ok=True)
    seeds = scratch / "seeds"
    if not seeds.exists():
        make_seeds(scratch / "seeds.new", _run_seeds)
        (scratch / "seeds.new").rename(seeds)
    if not whole:
        import_all(seeds, scratch)
    return seeds


def main(scratch: Path, first: int, last: int, seconds: int = 10**9, *, whole: bool = False) -> int:
    """Run the cases from `first` to before `last`, in these seconds; return how many failed."""
    seeds = prepared(scratch, whole=whole)
    spent: Counter[str] = Counter()
    cases, failures, start = Cases(seeds), 0, time.monotonic()
    for number in range(first, last):
        if time.monotonic() - start > seconds:
            last = number
            break
        folder = scratch / f"case-{os.getpid()}"
        folder.mkdir()
        case = cases.prepare(number, folder)
        outcome = (run_whole if whole else run_forked)(folder, case.command)
        spent[case.command[0]] += outcome.seconds
        if outcome.failure:
            failures += 1
            last_lines = "\n".join(f"    {line}" for line in outcome.output.splitlines()[-7:])
            print(f"{case}\n  {outcome.failure}\n{last_lines}", flush=True)
        shutil.rmtree(folder)
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in spent.most_common())
    print(f"processor: {times}")
    print(f"{last - first} cases, to {last - 1}, {failures} failures", flush=True)
    return failures


if __name__ == "__main__":
    typed = [each for each in sys.argv[1:] if each != "--whole"]
    sys.exit(bool(main(Path(typed[0]), *map(int, typed[1:]), whole="--whole" in sys.argv)))
