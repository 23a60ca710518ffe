"""manifest.json: what a finished output folder says about itself.

Choices:
- A folder is complete if and only if its manifest.json exists. It is written last, in one step.
- A `Plan` is what decides the output: stage, version, config, inputs. A `Manifest` is a plan and
  what came of it. The same comparison of plans tells "up to date" from "changed" and "resume".
- A raw file is known by its SHA-256 (a file that was split, by that of each range in order); a
  folder that lmkit made, by the names and SHA-256s of its outputs, so that making the same bytes
  again upstream makes nothing downstream stale. Where a folder lies does not count.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from lmkit.errors import InputError, LmkitError
from lmkit.storage.atomic_files import atomic_write
from lmkit.storage.remote_files import shown

MANIFEST = "manifest.json"
FORMAT = 2
"""Format of plans, manifests and runs. Format 1 had other names of options and files."""
MANY_INPUTS = 10_000


class Record(BaseModel):
    """Something that is kept as a JSON file."""

    model_config = ConfigDict(frozen=True)

    def write(self, path: Path, scratch: Path) -> None:
        """Make the file appear, whole."""
        # A file name that isn't UTF-8 reaches Python as half surrogates; JSON has a form for
        # those, and pydantic's own writer and reader refuse them.
        with (
            atomic_write(path, scratch) as temporary,
            temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.writelines(self._texts())

    def _texts(self) -> Iterator[str]:
        yield json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


RecordT = TypeVar("RecordT", bound=Record)


def read(cls: type[RecordT], path: Path) -> RecordT | None:
    """Read a record, or None where there is none."""
    try:
        return cls.model_validate(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:  # pydantic's ValidationError is one, too
        raise LmkitError(f"{path}: not a file that this lmkit wrote") from None


class Counts(Record):
    """What happened to the documents, and whatever else a stage counts."""

    documents_in: int = 0
    documents_out: int = 0
    dropped: dict[str, int] = {}
    quarantined: int = 0
    more: dict[str, int] = {}

    @classmethod
    def total(cls, parts: Iterable["Counts"]) -> "Counts":
        """Add up the counts of tasks."""
        parts = list(parts)
        dropped: Counter[str] = Counter()
        more: Counter[str] = Counter()
        for part in parts:
            dropped.update(part.dropped)
            more.update(part.more)
        return cls(
            documents_in=sum(part.documents_in for part in parts),
            documents_out=sum(part.documents_out for part in parts),
            dropped=dict(sorted(dropped.items())),
            quarantined=sum(part.quarantined for part in parts),
            more=dict(sorted(more.items())),
        )

    def check(self) -> None:
        """Fail where documents have appeared or got lost."""
        after = self.documents_out + sum(self.dropped.values()) + self.quarantined
        if self.documents_in != after:
            raise LmkitError(
                f"{self.documents_in} documents went in, but {after} came out, were dropped or "
                "were quarantined: this is a bug in lmkit, and the output is not to be trusted"
            )


@dataclass(frozen=True, slots=True)
class Input:
    """A raw file, or a folder that lmkit made, that was read."""

    path: str
    source: str
    """The label of its documents, unless they carry their own."""
    bytes: int
    origin: str = ""
    """The path below the input argument."""
    modified: int | None = None
    """Nanoseconds since 1970; a folder that lmkit made has none."""
    sha256: tuple[str, ...] = ()
    """Of the file, or of its ranges; of a folder, its fingerprint. Empty before it was read."""

    @property
    def identity(self) -> tuple[str, str]:
        """What stays the same when everything is moved somewhere else."""
        return self.source, self.origin


class Output(Record):
    """A file that was written."""

    name: str
    bytes: int
    sha256: str
    counts: dict[str, int] = {}


class Plan(Record):
    """Everything that decides what the output will be."""

    format: int = 1
    """A plan that doesn't say is of format 1."""
    stage: str
    lmkit: str
    config: dict[str, Any]
    inputs: tuple[Input, ...]

    def _texts(self) -> Iterator[str]:
        """Yield the text of the file; of a million inputs a line each, which are never held."""
        if len(self.inputs) < MANY_INPUTS:
            yield from super()._texts()
            return
        rest = self.model_dump(mode="json", exclude={"inputs"})
        yield json.dumps(rest, ensure_ascii=False)[:-1] + ', "inputs": [\n'
        encode = json.JSONEncoder(ensure_ascii=False).encode
        names = [field.name for field in fields(Input)]
        for number, item in enumerate(self.inputs):
            line = encode({name: getattr(item, name) for name in names})
            yield f",\n{line}" if number else line
        yield "\n]}\n"

    def option_changes(self, old: "Plan", location_options: Container[str] = ()) -> dict[str, str]:
        """Say, for every option that differs from an older plan, how.

        `location_options` are options that only say where something lies.
        """
        before, now = flat(old.config), flat(self.config)
        return {
            key: f"--{key.replace('_', '-')} was {_shown(before.get(key))}, now {_shown(value)}"
            for key, value in ((key, now.get(key)) for key in now | before)
            if key not in location_options and value != before.get(key)
        }

    def input_changes(self, old: "Plan", same: Callable[[Input, Input], bool]) -> list[str]:
        """Name every input that is new, gone, or not the `same` (asked with old and new)."""
        if [i.identity for i in old.inputs] == [i.identity for i in self.inputs]:
            both = zip(old.inputs, self.inputs, strict=True)
            return [f"input {shown(b.path)} has changed" for a, b in both if not same(a, b)]
        changes: list[str] = []
        before, now = _by_identity(old.inputs), _by_identity(self.inputs)
        for key in now | before:
            pairs = zip(before.get(key, []), now.get(key, []), strict=False)
            changes += [f"input {shown(b.path)} has changed" for a, b in pairs if not same(a, b)]
            shared = min(len(before.get(key, [])), len(now.get(key, [])))
            changes += [f"input {shown(i.path)} is new" for i in now.get(key, [])[shared:]]
            changes += [f"input {shown(i.path)} is gone" for i in before.get(key, [])[shared:]]
        return changes


def refuse_other_format(plan: Plan, path: Path) -> None:
    """Raise InputError where a folder was made in another format than this lmkit's."""
    if plan.format < FORMAT:
        raise InputError(f"{path}: made by an earlier lmkit: make it again, or use that version")
    if plan.format > FORMAT:
        raise InputError(f"{path}: made by a later lmkit: use that version, or make it again")


def _by_identity(inputs: Iterable[Input]) -> dict[tuple[str, str], list[Input]]:
    groups: dict[tuple[str, str], list[Input]] = {}
    for item in inputs:
        groups.setdefault(item.identity, []).append(item)
    return groups


class Manifest(Plan):
    """A plan, and what came of it."""

    outputs: tuple[Output, ...]
    counts: Counts
    details: dict[str, Any] = {}
    """What the stage found out: sizes, shapes, measures."""
    seconds: float = Field(ge=0)
    """Wall time of the run that finished."""
    task_seconds: float = 0
    """Time of all tasks, added up, those of interrupted runs included."""
    bytes_per_second: float = 0
    machine: dict[str, Any] = {}

    def to_json(self) -> dict[str, Any]:
        """Return what a command prints with --json: what it made, without the lists of files."""
        return self.model_dump(mode="json", exclude={"config", "inputs", "outputs"})

    @property
    def fingerprint(self) -> str:
        """Stand for the content of the whole folder."""
        return fingerprint((output.name, output.sha256) for output in self.outputs)


def fingerprint(files: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 over names and SHA-256s of files, in the order of the names."""
    text = "".join(f"{name}\0{digest}\n" for name, digest in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name nested options the way flags do.

    >>> flat({"optim": {"lr": 1}})
    {'optim.lr': 1}
    """
    named: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            named |= flat(cast(dict[str, Any], value), f"{prefix}{name}.")
        else:
            named[prefix + name] = value
    return named


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def kept_line(config: Any, manifest: Manifest) -> str:
    """Say in one line what a folder of documents holds."""
    counts = manifest.counts
    kept = f"{config.output}: kept {counts.documents_out:,} of {counts.documents_in:,} documents"
    gone = [f"{count:,} {reason}" for reason, count in counts.dropped.items()]
    if counts.quarantined:
        gone.append(f"{counts.quarantined:,} quarantined")
    return kept + (f" (dropped {', '.join(gone)})" if gone else "")
