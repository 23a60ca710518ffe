"""manifest.json: the description of a finished output folder.

Choices:
- A folder is complete if and only if its manifest.json exists. It is written last, in one step.
- A `Plan` is what decides the output: stage, version, config, inputs. A `Manifest` is a plan and
  its results. The same comparison of plans distinguishes "up to date", "changed" and "resume".
- A raw file is identified by its SHA-256 (a file that was split, by that of its ranges in order); a
  finished folder, by the names and SHA-256s of its outputs, so that making the same bytes again
  upstream makes nothing downstream stale. The location of a folder does not count.
- Of many inputs, the list is a file next to the plan or the manifest (`streamed_inputs.py`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)

from lmkit.artifacts.input_lists import streamed_inputs
from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.recorded_input import Input
from lmkit.artifacts.input_lists.streamed_inputs import InputsFile, StreamedInputs, write_inputs
from lmkit.config import PLUGIN
from lmkit.errors import InputError, LmkitError
from lmkit.execution.short_view import ShortView
from lmkit.storage.atomic_files import atomic_write
from lmkit.storage.json_bytes import from_json
from lmkit.storage.remote_files import shown

MANIFEST = "manifest.json"
FORMAT = 2
"""Format of plans, manifests and runs. Format 1 had other names of options and files."""
MANY_INPUTS = 10_000
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
"""A number of things in a file that may be damaged: what no 64 bits hold isn't one."""
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A time, or a size that isn't whole."""
MOST_SHOWN = 5
"""Reasons, and other counts, in what a Python shell shows."""


class Record(BaseModel):
    """A record that is stored as a JSON file."""

    model_config = ConfigDict(frozen=True)

    def write(self, path: Path, scratch: Path) -> list[Path]:
        """Write the file atomically, after what it refers to; return all files, this one last."""
        # A file name that isn't UTF-8 reaches Python as lone surrogates; JSON has an escape for
        # those, and pydantic's writer and reader reject them.
        with (
            atomic_write(path, scratch) as temporary,
            temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.writelines(self._texts())
        return [path]

    def located(self, folder: str) -> Self:
        """Return the record, given the folder, or the URL of the folder, that it was read from."""
        del folder
        return self

    def _texts(self) -> Iterator[str]:
        yield json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def parsed(cls, data: bytes) -> Self:
        """Return the record that a file holds; raise ValueError for anything else."""
        return cls.model_validate(from_json(data))


RecordT = TypeVar("RecordT", bound=Record)


def read(cls: type[RecordT], path: Path) -> RecordT | None:
    """Read a record, or return None if the file doesn't exist."""
    try:
        return cls.parsed(path.read_bytes()).located(str(path.parent))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:  # including pydantic's ValidationError
        raise LmkitError(f"{path}: not a file that this version of lmkit wrote") from None


class Counts(Record):
    """Counts of documents by outcome, and whatever else a stage counts."""

    documents_in: Count = 0
    documents_out: Count = 0
    dropped: dict[str, Count] = {}
    quarantined: Count = 0
    more: dict[str, Count] = {}

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
        """Raise LmkitError if documents were added or lost."""
        after = self.documents_out + sum(self.dropped.values()) + self.quarantined
        if self.documents_in != after:
            raise LmkitError(
                f"{self.documents_in} documents went in, but {after} came out, were dropped or "
                "were quarantined: this is a bug in lmkit, and the output is not to be trusted"
            )


def _name_inside(name: str) -> str:
    """Return the name of a file in a folder; raise ValueError for one that leads out of it."""
    path = PurePosixPath(name)
    name.encode()  # a lone surrogate is no name of lmkit's; the error is a ValueError
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError("not in the folder")
    return name


class Output(Record):
    """A file that was written."""

    name: Annotated[str, AfterValidator(_name_inside)]
    """Below the folder: what is copied from a store is written below another one."""
    bytes: Count
    sha256: str
    counts: dict[str, Count] = {}


_INPUTS: TypeAdapter[tuple[Input, ...]] = TypeAdapter(tuple[Input, ...])


def _inputs(value: Any) -> Sequence[Input]:
    """Return inputs, from objects, from a list of JSON, or from what a manifest has of a file."""
    if isinstance(value, (InputTable, StreamedInputs)):
        return value
    if isinstance(value, dict):
        return StreamedInputs(InputsFile.model_validate(value))
    return _INPUTS.validate_python(value)


def _inputs_as_json(inputs: Sequence[Input]) -> Any:
    if isinstance(inputs, StreamedInputs):
        return inputs.record.model_dump()
    return _INPUTS.dump_python(tuple(inputs), mode="json")


InputList = Annotated[
    Sequence[Input], PlainValidator(_inputs), PlainSerializer(_inputs_as_json, when_used="json")
]


class Plan(Record):
    """Everything that determines the output."""

    format: int = 1
    """A plan that doesn't say is of format 1."""
    stage: str
    lmkit: str
    config: dict[str, Any]
    inputs: InputList

    def write(self, path: Path, scratch: Path) -> list[Path]:
        """Write the file atomically, after the list of many inputs; return both."""
        if len(self.inputs) <= streamed_inputs.MOST_IN_A_MANIFEST:
            short = self.model_copy(update={"inputs": tuple(self.inputs)})
            return super(Plan, short).write(path, scratch)
        listed = write_inputs(self.inputs, path.parent, scratch)
        return [Path(listed.path), *super(Plan, self.listed(listed)).write(path, scratch)]

    def listed(self, inputs: StreamedInputs) -> Self:
        """Return the record with a list of its inputs in a file."""
        return self.model_copy(update={"inputs": inputs})

    def located(self, folder: str) -> Self:
        """Return the record, given the folder, or the URL of the folder, that it was read from."""
        if not isinstance(self.inputs, StreamedInputs):
            return self
        return self.listed(StreamedInputs(self.inputs.record, folder))

    def _texts(self) -> Iterator[str]:
        """Yield the text of the file; many inputs are written line by line, never held at once."""
        if len(self.inputs) < MANY_INPUTS or isinstance(self.inputs, StreamedInputs):
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
        """Describe every option that differs from an earlier plan.

        `location_options` are options that only give the location of something.
        """
        before, now = flat(old.config), flat(self.config)
        return {
            key: f"{_option_shown(key)} was {_shown(before.get(key))}, now {_shown(value)}"
            for key, value in ((key, now.get(key)) for key in now | before)
            if key not in location_options and value != before.get(key)
        }


def refuse_other_format(plan: Plan, path: Path | str) -> None:
    """Raise InputError where a folder was made in another format than this lmkit's."""
    if plan.format < FORMAT:
        raise InputError(f"{path}: made by an earlier lmkit: make it again, or use that version")
    if plan.format > FORMAT:
        raise InputError(f"{path}: made by a later lmkit: use that version, or make it again")


class Manifest(ShortView, Plan):
    """A plan, and its results."""

    outputs: tuple[Output, ...]
    counts: Counts
    details: dict[str, Any] = {}
    """What the stage computed: sizes, shapes, metrics."""
    seconds: Amount
    """Wall time of the run that finished."""
    task_seconds: Amount = 0
    """Total time of all tasks, including those of interrupted runs."""
    bytes_per_second: Amount = 0
    machine: dict[str, Any] = {}

    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return what a Python shell shows of it: a few of its counts."""
        counts, facts = self.counts, dict[str, str]()
        if counts.documents_in:
            facts["documents"] = f"{counts.documents_out:,} of {counts.documents_in:,} kept"
        removed = {**counts.dropped, **({"quarantined": counts.quarantined})}
        some = sorted(removed.items(), key=lambda each: -each[1])[:MOST_SHOWN]
        if lost := ", ".join(f"{count:,} {reason}" for reason, count in some if count):
            facts["dropped"] = lost
        for name, count in list(counts.more.items())[:MOST_SHOWN]:
            facts[name.replace("_", " ")] = f"{count:,}"
        facts["seconds"] = f"{self.seconds:,.1f}"
        return f"lmkit {self.stage}: {shown(str(self.config.get('output')))}", facts

    def to_json(self) -> dict[str, Any]:
        """Return what a command prints with --json: the results, without the lists of files."""
        return self.model_dump(mode="json", exclude={"config", "inputs", "outputs"})

    @property
    def fingerprint(self) -> str:
        """Return a hash of the content of the complete folder."""
        return fingerprint((output.name, output.sha256) for output in self.outputs)


class Details(Record):
    """What a command records in `details`, typed; names without a field are kept."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def from_manifest(cls, manifest: Manifest, folder: Path) -> Self:
        """Read the details of a folder's manifest. Raises InputError."""
        try:
            return cls.model_validate(manifest.details)
        except ValidationError as error:
            field = ".".join(map(str, ("details", *error.errors()[0]["loc"])))
            raise InputError(
                f"{folder / MANIFEST}: damaged: {field}",
                f"restore a good copy, or make {folder} again from its inputs",
            ) from None

    def recorded(self) -> dict[str, Any]:
        """Return what stands in the manifest: what was set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def fingerprint(files: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 of the names and SHA-256s of files, sorted by name."""
    text = "".join(f"{name}\0{digest}\n" for name, digest in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name nested options as flags do.

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


def _option_shown(key: str) -> str:
    group, _, name = key.partition(".")
    return f"the plugin {name}" if group == PLUGIN else f"--{key.replace('_', '-')}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


SKIPPED = "skipped_"
"""What the counts of records that are no documents begin with."""


def kept_line(config: Any, manifest: Manifest) -> str:
    """Return one line that summarizes a folder of documents."""
    counts = manifest.counts
    kept = f"{counts.documents_out:,} of {counts.documents_in:,} documents"
    kept = f"{shown(config.output)}: kept {kept}"
    dropped = [f"{count:,} {reason}" for reason, count in counts.dropped.items()]
    if counts.quarantined:
        dropped.append(f"{counts.quarantined:,} quarantined")
    kept += f" (dropped {', '.join(dropped)})" if dropped else ""
    skipped = [
        f"{count:,} {name.removeprefix(SKIPPED).replace('_', ' ')}"
        for name, count in counts.more.items()
        if name.startswith(SKIPPED)
    ]
    return kept + (f"; skipped {', '.join(skipped)}, which are no documents" if skipped else "")
