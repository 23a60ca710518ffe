"""Task files: found, read, and checked before any work.

    eval/blimp/adjunct_island.jsonl.gz    the task blimp/adjunct_island of the groups eval and blimp
    eval/blimp/adjunct_island.toml        its settings, if there are any

Choices:
- A file holds JSON lines, one item a line, all of one kind. Whatever is wrong with a line is an
  error: a score over the readable half of a benchmark would be compared with full ones.
- The name of a task is that of its file without endings, below the folder that was typed. A folder
  is a group.
- Settings and files of examples are inputs like the task itself, compared by their SHA-256.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path
from typing import Any, cast

from lmkit.artifacts.inputs import Inputs, Slice, find_documents, folder_input, open_slice
from lmkit.artifacts.tasks import ReadRange
from lmkit.errors import InputError
from lmkit.evaluation.tasks.few_shot import refuse_small_pool
from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.kinds.registry import KINDS, kind_named, kind_of_record
from lmkit.evaluation.tasks.kinds.task_kind import Options, TaskKind
from lmkit.evaluation.tasks.measures import Measure
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.raw_shapes import with_kind_fields
from lmkit.evaluation.tasks.record_fields import RecordFields
from lmkit.evaluation.tasks.styles.registry import style_of
from lmkit.evaluation.tasks.styles.task_style import ExamplePool, TaskStyle
from lmkit.evaluation.tasks.task_settings import TaskSettings, read_settings
from lmkit.readers.test_sets import set_name
from lmkit.storage.atomic_files import sha256
from lmkit.storage.byte_lines import lines
from lmkit.storage.byte_ranges import COMPRESSIONS, CorruptInput, Range
from lmkit.storage.json_bytes import from_json


@dataclass(frozen=True)
class Task:
    """A task: its items and its settings."""

    name: str
    path: Path
    kind: TaskKind
    items: tuple[Item, ...]
    """Those that are scored."""
    settings: TaskSettings
    pool: ExamplePool
    """Where examples come from."""
    style: TaskStyle
    read: list[ReadRange] = field(default_factory=list[ReadRange])

    @property
    def chance(self) -> float | None:
        """The mean accuracy of random answers; None where there is no accuracy."""
        if (known := self.settings.random_baseline) is not None:
            return known
        each = [self.kind.chance(len(item.options)) for item in self.items]
        found = [value for value in each if value is not None]
        return sum(found) / len(found) if found else None

    def requests(self) -> Iterator[tuple[Request, ...]]:
        """Yield the requests of each item, in order."""
        if self.kind.is_whole_text:
            yield from (item.options for item in self.items)
            return
        yield from self.style.prompts(self.items, self.pool, self.settings)

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What is measured, by the names of the scores."""
        by_kind = self.style.measures
        return self.kind.measures if by_kind is None else by_kind[self.kind.name]


@dataclass(frozen=True)
class TaskFiles:
    """The task files that were named, and all that was read for them."""

    tasks: tuple[Task, ...]
    inputs: Inputs


def read_task_files(options: TaskOptions, max_record: int, first_input: int = 0) -> TaskFiles:
    """Read the tasks that the options name. Raises InputError naming file, line and what is wrong.

    `first_input` is the number of inputs before them.
    """
    inputs = find_documents(_expanded(options.task), formats=("jsonl",))
    tasks: list[Task] = []
    for part in inputs.renumbered(first_input):
        read: list[ReadRange] = []
        task, others = _read_task(part, options, max_record, read)
        for each in others:
            inputs = inputs.merged_with(each)
        if task.name in {other.name for other in tasks}:
            raise InputError(
                f"--task: {part.path}: another task has the name {task.name}, too",
                "name their folder instead, or rename one of the files",
            )
        tasks.append(task)
    return TaskFiles(tuple(tasks), inputs)


def _expanded(paths: Sequence[Path]) -> list[Path]:
    """Expand patterns, which a shell that didn't see them hasn't. Raises InputError."""
    found: list[Path] = []
    for path in paths:
        if not has_magic(str(path)) or path.exists():
            found.append(path)
            continue
        matches = sorted(glob(str(path), recursive=True))  # noqa: PTH207 (of any pattern)
        if not matches:
            raise InputError(f"--task: {path}: no file matches this pattern")
        found += [Path(match) for match in matches if not match.endswith(".toml")]
    return found


def _read_task(
    part: Slice, options: TaskOptions, max_record: int, read: list[ReadRange]
) -> tuple[Task, list[Inputs]]:
    """Read a task, and return also the other files that were read for it, as inputs."""
    name, path = set_name(part), part.path
    settings_file = _without_endings(path).with_suffix(".toml")
    others: list[Inputs] = []
    in_file = TaskSettings()
    if settings_file.is_file():
        in_file = read_settings(settings_file)
        others.append(_file_input(settings_file, f"{name} (settings)"))
    kind, contents = _contents(name, part, in_file, _lines_of_slice(part, read, max_record))
    style = style_of(options.style, kind.name)
    settings = in_file.merged(style.defaults, _typed(options))
    items = _items(contents, style, settings)
    pool = ExamplePool(items, is_own=True)
    if settings.examples is not None:
        examples = path.parent / settings.examples
        found = find_documents([examples], formats=("jsonl",)).slices
        others.append(_file_input(examples, f"{name} (examples)"))
        lines_of_examples = _lines_of_slice(found[0], [], max_record)
        pool_kind, contents = _contents(name, found[0], in_file, lines_of_examples)
        if pool_kind != kind:
            raise InputError(f"{examples}: holds a {pool_kind.name}, and {path} a {kind.name}")
        pool = ExamplePool(_items(contents, style, settings), is_own=False)
    if not kind.is_whole_text:
        refuse_small_pool(pool.items, settings.shots, is_own=pool.is_own, where=str(path))
    return Task(name, path, kind, items[: options.limit], settings, pool, style, read), others


def _typed(options: TaskOptions) -> dict[str, Any]:
    """Return the settings that were typed."""
    names = ("shots", "delimiter", "example_delimiter")
    typed = {name: getattr(options, name) for name in names}
    if options.prompt_suffix != "auto":
        typed["prompt_suffix"] = options.prompt_suffix or "none"
    return {name: value for name, value in typed.items() if value is not None}


def _items(
    contents: Sequence[tuple[int, Options]], style: TaskStyle, settings: TaskSettings
) -> tuple[Item, ...]:
    rendered = [(number, style.rendered(content, settings)) for number, content in contents]
    return tuple(style.ordered([Item(number, *content) for number, content in rendered]))


def _file_input(path: Path, label: str) -> Inputs:
    return folder_input(path, label, sha256(path))


def _without_endings(path: Path) -> Path:
    while path.suffix and (path.suffix == ".jsonl" or path.suffix in COMPRESSIONS):
        path = path.with_suffix("")
    return path


def _contents(
    name: str, part: Slice, settings: TaskSettings, numbered: Iterator[tuple[int, Any]]
) -> tuple[TaskKind, list[tuple[int, Options]]]:
    """Return the kind of a file, and the contents of its lines. Raises InputError."""
    kind: TaskKind | None = None
    contents: list[tuple[int, Options]] = []
    for number, record in numbered:
        where = f"{part.location}: line {number}"
        if not isinstance(record, dict):
            raise InputError(f"{where}: not a JSON object")
        fields = RecordFields(cast(dict[str, Any], record), where)
        rendered = settings.rendered(fields)
        fields = with_kind_fields(fields, name) if rendered is fields else rendered
        kind = kind or _kind(fields, settings, part)
        if not kind.matches(fields):
            raise fields.wrong(
                f"not a {kind.name}, as the lines before it: must have "
                + ", ".join("|".join(group) for group in kind.keys)
            )
        contents.append((number, kind.read(fields)))
    if kind is None:
        raise InputError(f"{part.location}: holds no items", "a task file holds JSON lines")
    return kind, contents


def _kind(fields: RecordFields, settings: TaskSettings, part: Slice) -> TaskKind:
    if settings.kind is None:
        return kind_of_record(fields)
    if (kind := kind_named(settings.kind)) is None:
        known = ", ".join(each.name for each in KINDS)
        raise InputError(f"{part.location}: its TOML file's kind: must be one of {known}")
    return kind


def _lines_of_slice(
    part: Slice, read: list[ReadRange], max_record: int
) -> Iterator[tuple[int, Any]]:
    """Yield the values of a file's lines with their numbers, without empty lines."""
    for source in open_slice(part, read):
        yield from _lines(source, part, max_record)


def _lines(source: Range, part: Slice, max_record: int) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        for number, line in enumerate(lines(source, part.compression, max_record), 1):
            if line.data is None:
                raise ValueError(f"is longer than --max-record {max_record:,}")
            if line.data.strip():
                yield number, from_json(line.data)
    except CorruptInput as error:
        raise InputError(f"{part.location}: after line {number}: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        reason = str(error).replace("\n", " ")
        raise InputError(
            f"{part.location}: line {number}: {reason}", "a task file holds JSON lines"
        ) from None
