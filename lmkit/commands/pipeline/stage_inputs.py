"""Whether the stages of a pipeline find what they read.

Choice: a path must exist, or be the output of an earlier stage that runs, or in it, or a folder
around it, before anything starts: a pipeline of hours doesn't end at a typing mistake in its last
stage. What a command would refuse of an existing folder, it finds out itself.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from lmkit.commands.pipeline.stage_file import Stage
from lmkit.config import options
from lmkit.errors import ConfigError
from lmkit.storage.remote_files import URL_PATTERN
from lmkit.suggestions import did_you_mean

WRITTEN = frozenset({"output", "index"})
"""Options that name what a command writes, or makes where it is missing."""


def refuse_missing_inputs(stages: Sequence[Stage], every: Sequence[Stage], file: Path) -> None:
    """Raise ConfigError where one of the `stages` to run reads what nothing makes.

    Args:
        stages: those that run.
        every: all of the file.
        file: where an error is.

    """
    made: dict[Path, str] = {}
    for stage in stages:
        for key, path in _paths(stage):
            if not any(_overlap(output, path) for output in made):
                _refuse_missing(stage, key, path, every, made, file)
        if stage.output is not None:
            if stage.output in made:
                raise ConfigError(
                    f"{file}: {stage.name}.output: {stage.output} is the output of "
                    f"{made[stage.output]}, too",
                    "give each stage a folder of its own",
                )
            made[stage.output] = stage.name


def _refuse_missing(
    stage: Stage, key: str, path: Path, every: Sequence[Stage], made: dict[Path, str], file: Path
) -> None:
    where = f"{file}: {stage.name}.{key}: {path}"
    maker = next((each for each in every if each.output and _overlap(each.output, path)), None)
    if maker is not None and every.index(maker) >= every.index(stage):
        raise ConfigError(
            f"{where}: made by the stage {maker.name}, which isn't an earlier one",
            "stages run in the order of the file: move it",
        )
    if path.exists():
        return
    if maker is not None:
        raise ConfigError(
            f"{where}: no such file or folder; the stage {maker.name} makes it",
            f"run it, too: --from {maker.name}",
        )
    guess = did_you_mean(str(path), map(str, made))
    raise ConfigError(
        f"{where}: no such file or folder, and no earlier stage makes it{guess}",
        f"paths are relative to {Path.cwd()}",
    )


def _overlap(output: Path, path: Path) -> bool:
    return output in {path, *path.parents} or path in output.parents


def _paths(stage: Stage) -> Iterator[tuple[str, Path]]:
    """Yield the paths on this machine that a stage reads, each with its option."""
    for option in options(type(stage.config)):
        if not option.is_path or option.key in WRITTEN:
            continue
        value: Any = stage.config
        for name in option.key.split("."):
            value = getattr(value, name, None) or getattr(value, f"{name}_", None)
        for path in cast(tuple[Any, ...], value if isinstance(value, tuple) else (value,)):
            if isinstance(path, Path) and not URL_PATTERN.match(str(path)):
                yield option.key, path
