r"""A TOML file next to a task file: its prompts and its baseline, for which no code is needed.

    # eval/colors.toml, for eval/colors.jsonl
    context = "Question: {question}\nAnswer:"
    choices = ["{first}", "{second}"]
    gold = "label"
    random_baseline = 0.5

Choices:
- A name in braces is a field of the record, `a.b` one of a table in it; any other brace is text.
- `choices` may also be one name in braces: that of a field with a list.
- What was typed on the command line comes before what stands here, and that before the style's own.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lmkit.bounded_files import read_bounded
from lmkit.errors import InputError
from lmkit.evaluation.tasks.record_fields import RecordFields

FIELD = re.compile(r"\{(\w+(?:\.\w+)*)\}")


class TaskSettings(BaseModel):
    """How the prompts of a task are made, and what its scores are compared with."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str | None = None
    """The kind of its records; None: by their fields."""
    context: str | None = None
    context_options: tuple[str, ...] | None = None
    continuation: str | None = None
    choices: tuple[str, ...] | str | None = None
    gold: str | None = None
    """The name of the field with the index, the letter or the text of the right option."""
    description: str = ""
    """Text before the examples and the question, with what separates it from them."""
    shots: Annotated[int, Field(ge=0)] = 0
    delimiter: str = " "
    example_delimiter: str = "\n\n"
    prompt_suffix: str | None = "auto"
    examples: str | None = None
    """A task file, next to this one, to take the examples from; None: from the task itself."""
    sampler: Literal["random", "first"] = "random"
    """Which examples: drawn for each item, or always the first."""
    random_baseline: Annotated[float, Field(ge=0, le=1)] | None = None
    """The accuracy of random answers; None: by the number of options."""

    def merged(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> "TaskSettings":
        """Return the settings with defaults before those that were set here, and others after."""
        was_set = self.model_dump(exclude_unset=True)
        return TaskSettings.model_validate({**before, **was_set, **after})

    def rendered(self, fields: RecordFields) -> RecordFields:
        """Return a record with the fields that the templates make. Raises InputError."""
        made: dict[str, Any] = {}
        if self.context is not None:
            made["context"] = filled(self.context, fields)
        if self.continuation is not None:
            made["continuation"] = filled(self.continuation, fields)
        if self.context_options is not None:
            made["context_options"] = [filled(each, fields) for each in self.context_options]
        if isinstance(self.choices, str):
            name = FIELD.fullmatch(self.choices)
            made["choices"] = field_at(name[1] if name else self.choices, fields)
        elif self.choices is not None:
            made["choices"] = [filled(each, fields) for each in self.choices]
        if self.gold is not None:
            made["gold"] = field_at(self.gold, fields)
        return RecordFields(made, fields.where) if made else fields


def filled(template: str, fields: RecordFields) -> str:
    """Return a template with the record's fields.

    >>> filled("{a.b}: {x}", RecordFields({"a": {"b": "one"}, "x": 2}, "f"))
    'one: 2'
    """
    return FIELD.sub(lambda found: str(field_at(found[1], fields)), template)


def field_at(path: str, fields: RecordFields) -> Any:
    """Return a field of a record, or of a table in it. Raises InputError."""
    value: Any = fields.values
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise fields.wrong(f"has no {path}, which the task's TOML file names")
        value = cast(Mapping[str, Any], value)[name]
    return value


def read_settings(path: Path) -> TaskSettings:
    """Read the settings of a task. Raises InputError."""
    try:
        return TaskSettings.model_validate(tomllib.loads(read_bounded(path).decode("utf-8")))
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        raise InputError(
            f"{path}: {name}: {problem['msg']}",
            f"its keys are {', '.join(TaskSettings.model_fields)}",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
