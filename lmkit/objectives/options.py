"""Options of the training objective, checked before any work.

Choices:
- Nothing here imports torch, since `lmkit pretrain --help` imports it.
- The values of --objective and the groups of options are those of the registry. A group is reached
  through `chosen`, which has the type of its objective wherever that is used.
- Each objective has a group of options, and those of another objective are refused where they
  differ from their defaults: a user who sets a masking probability expects masks.
- Resolved options, written as JSON, are valid input, so that a run can record and read them.
"""

from typing import Any, Literal, Self

from pydantic import Field, create_model, model_validator

from lmkit.config import Group
from lmkit.objectives.registry import OBJECTIVES, ObjectiveEntry, entry_named, objectives_of


class ObjectiveOptions(Group):
    """The options of an objective, whichever objectives there are."""

    objective: str = OBJECTIVES[0].name

    @property
    def entry(self) -> ObjectiveEntry:
        """The objective."""
        return entry_named(self.objective)

    @property
    def chosen(self) -> Any:
        """The options of the objective: a `MlmConfig` for mlm, a `FimConfig` for clm."""
        return getattr(self, self.entry.group)

    def objective_group(self) -> dict[str, Any]:
        """Return the group of the objective, as JSON."""
        return self.model_dump(mode="json", include={self.entry.group})

    @model_validator(mode="after")
    def _refuse_options_of_others(self) -> Self:
        for entry in OBJECTIVES:
            config: Group = getattr(self, entry.group)
            for name, field in type(config).model_fields.items():
                if entry.name != self.objective and getattr(config, name) != field.default:
                    raise ValueError(
                        f"--{entry.group}.{name.replace('_', '-')}: got {getattr(config, name)}, "
                        f"but it belongs to --objective {entry.name}, and this is {self.objective}"
                    )
        return self


_fields: dict[str, Any] = {
    "objective": (
        Literal[tuple(entry.name for entry in OBJECTIVES)],
        Field(
            OBJECTIVES[0].name,
            description="What the model is trained to predict: "
            + "; ".join(f"{entry.name}, {entry.predicts}" for entry in OBJECTIVES)
            + ".",
        ),
    ),
    **{entry.group: (entry.config, entry.config()) for entry in OBJECTIVES},
}


ObjectiveConfig = create_model("ObjectiveConfig", __base__=ObjectiveOptions, **_fields)
"""What the model is trained to predict, with a group of options for each objective."""


def check_compatible(architecture: str, objective: str) -> None:
    """Raise ValueError where the objective doesn't fit the architecture.

    >>> check_compatible("decoder", "clm")
    """
    needed = entry_named(objective).architectures
    if architecture not in needed:
        raise ValueError(
            f"--objective: got {objective}, which goes with --model.architecture "
            f"{' or '.join(needed)}; with {architecture}, give --objective "
            f"{' or '.join(objectives_of(architecture))}"
        )
