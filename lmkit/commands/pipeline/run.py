"""Pipeline: run the stages of a file, in their order.

    read       the file, and check the options of all stages
    check      that each stage finds what it reads
    run        one stage after the other, as its command does

Choices:
- A pipeline has no state: each stage finds out by itself whether it is up to date, as its command
  does. So the same command resumes, and stages may be run by hand in between.
- Stages run in the folder of the file, so that a path means the same for all of them, and the same
  as for who runs a stage by hand in that folder.
- The first failure ends it, with that stage's exit code and the name of the stage.
- It runs in one process: a stage that several processes share is run by itself, with torchrun.
"""

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import chdir, contextmanager
from typing import Any

from lmkit.artifacts.manifest import MANIFEST
from lmkit.artifacts.options import WritesShards
from lmkit.artifacts.tasks import PARTIAL
from lmkit.commands.pipeline.options import PipelineConfig
from lmkit.commands.pipeline.stage_file import Stage, StageFile, chosen
from lmkit.commands.pipeline.stage_inputs import refuse_missing_inputs
from lmkit.errors import ConfigError, Interrupted, LmkitError
from lmkit.execution.fork_server import start_fork_server
from lmkit.execution.progress import log_message
from lmkit.execution.ranks import ranks
from lmkit.execution.terminal_width import folded
from lmkit.text.json_output import json_text


def pipeline(config: PipelineConfig) -> dict[str, Any]:
    """Run the stages; return the result of each, by its name.

    With `dry_run`, return its command, its output and its state instead.
    """
    with _planned(config) as stages:
        if config.dry_run:
            return {stage.name: _described(stage) for stage in stages}
        _import_in_advance(stages)
        results: dict[str, Any] = {}
        for stage in stages:
            with _errors_named(stage):
                results[stage.name] = stage.command.run(stage.config)
        return results


def result_parts(config: PipelineConfig, as_json: bool) -> Iterator[str]:
    """Yield the text of each result once its stage has run; what is up to date has none."""
    if as_json:
        yield json_text(pipeline(config)) + "\n"
        return
    with _planned(config) as stages:
        if config.dry_run:
            yield _listed(stages)
            return
        _import_in_advance(stages)
        for stage in stages:
            before, parts = _finished(stage), stage.command.result_parts
            with _errors_named(stage):
                if parts is not None:
                    yield from parts(stage.config, False)
                    continue
                result = stage.command.run(stage.config)
            if before is None or before != _finished(stage):
                yield folded(stage.command.result_text(stage.config, result)) + "\n"


@contextmanager
def _planned(config: PipelineConfig) -> Generator[list[Stage]]:
    """Hand out the stages that run, in their folder, once all is checked."""
    if ranks() > 1:
        raise ConfigError(
            f"lmkit pipeline: got {ranks()} processes, must be one",
            "run the stage that they share by itself: torchrun ... -m lmkit pretrain ...",
        )
    file = StageFile.at(config.file)
    if not file.folder.is_dir():
        raise ConfigError(f"{config.file}: folder: {file.folder}: no such folder")
    with chdir(file.folder):
        every = file.stages()
        stages = chosen(every, config.from_, config.to)
        refuse_missing_inputs(stages, every, config.file)
        yield stages


@contextmanager
def _errors_named(stage: Stage) -> Generator[None]:
    """Let an error name the stage in which it occurred."""
    try:
        yield
    except LmkitError as error:
        error.message = f"stage {stage.name}: {error.message}"
        raise
    except (OSError, MemoryError):
        log_message(f"stage {stage.name} failed")
        raise
    except KeyboardInterrupt:
        message = f"stage {stage.name}: interrupted"
        raise Interrupted(message, "the same command resumes") from None


def _import_in_advance(stages: Sequence[Stage]) -> None:
    """Let the server of worker processes import the work of all stages that share it."""
    modules = [
        stage.command.module
        for stage in stages
        if isinstance(stage.config, WritesShards)
        and getattr(stage.config, "workers", 1) > 1
        and getattr(stage.config, "executor", "local") == "local"
    ]
    if modules:
        is_script = sys.modules["__main__"].__spec__ is None
        start_fork_server([*modules, *(["lmkit.cli"] if is_script else [])])


def _finished(stage: Stage) -> int | None:
    """Return when the output of a stage was finished, in nanoseconds; None if it isn't."""
    try:
        return None if stage.output is None else (stage.output / MANIFEST).stat().st_mtime_ns
    except OSError:
        return None


def _described(stage: Stage) -> dict[str, Any]:
    output = stage.output
    begun = output is not None and (output / PARTIAL).is_dir()
    state = "finished" if _finished(stage) else "begun" if begun else "not begun"
    return {
        "command": f"lmkit {stage.command.name}",
        "output": None if output is None else str(output),
        "state": "runs each time" if output is None else state,
    }


def _listed(stages: Sequence[Stage]) -> str:
    """Return a line for each stage: its name, its command, its output and its state."""
    rows = [(stage.name, *_described(stage).values()) for stage in stages]
    texts = [tuple(str(value or "-") for value in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in texts
    )
