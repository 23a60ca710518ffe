"""Options of the training objective, checked before any work.

Choices:
- Nothing here imports torch, since `lmkit pretrain --help` imports it.
- Each objective has a group of options, and those of another objective are refused where they
  differ from their defaults: a user who sets a masking probability expects masks.
- Resolved options, written as JSON, are valid input, so that a run can record and read them.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lmkit.config import Group

ObjectiveName = Literal["clm", "mlm", "plm", "span-corruption"]

OBJECTIVES_OF: dict[str, tuple[ObjectiveName, ...]] = {
    "decoder": ("clm",),
    "encoder": ("mlm", "plm"),
    "encoder-decoder": ("span-corruption",),
}
"""The objectives of each architecture. A decoder can't attend to tokens after a mask; an encoder
attends to the next token, which it would have to predict."""


class FimConfig(Group):
    """Fill in the middle, for clm."""

    rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Fraction of the documents, of those whole in a sequence, whose middle is moved to their
    end."""

    spm_rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Fraction of those in suffix-prefix-middle order; the others are in prefix-suffix-middle
    order."""


class MlmConfig(Group):
    """Masked language modelling."""

    probability: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Fraction of the text that is predicted: 80% masked, 10% replaced, 10% unchanged."""

    whole_word: bool = False
    """Mask whole words instead of tokens."""


class PlmConfig(Group):
    """Permutation language modelling."""

    context: Annotated[int, Field(ge=2)] = 6
    """One token in this many is predicted."""

    block: Annotated[int, Field(ge=2)] | None = None
    """Positions that share a permutation, with blocks in order from left to right; none: the whole
    sequence."""


class SpanConfig(Group):
    """Span corruption."""

    style: Literal["t5", "bart"] = "t5"
    """t5: a sentinel for each masked span, and the decoder predicts the spans. bart: a mask for
    each span, and the decoder predicts the whole text."""

    noise_density: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Fraction of the text that is masked; none: 0.15 for t5, 0.3 for bart."""

    mean_span_length: Annotated[float, Field(ge=1, le=64)] = 3.0
    """Mean tokens in a masked span."""

    @property
    def resolved_noise_density(self) -> float:
        """The noise density, or the default of the style where none is given."""
        return self.noise_density or {"t5": 0.15, "bart": 0.3}[self.style]


OWNERS: dict[str, ObjectiveName] = {
    "fim": "clm",
    "mlm": "mlm",
    "plm": "plm",
    "span": "span-corruption",
}
"""The objective that each group belongs to."""


class ObjectiveConfig(Group):
    """What the model is trained to predict."""

    objective: ObjectiveName = "clm"
    """What the model is trained to predict: clm, the next token; mlm, masked tokens; plm, tokens in
    a random order; span-corruption, masked spans."""

    fim: FimConfig = FimConfig()

    mlm: MlmConfig = MlmConfig()

    plm: PlmConfig = PlmConfig()

    span: SpanConfig = SpanConfig()

    @model_validator(mode="after")
    def _refuse_options_of_others(self) -> Self:
        for group, owner in OWNERS.items():
            config: Group = getattr(self, group)
            for name, field in type(config).model_fields.items():
                if owner != self.objective and getattr(config, name) != field.default:
                    raise ValueError(
                        f"--{group}.{name.replace('_', '-')}: got {getattr(config, name)}, but it "
                        f"belongs to --objective {owner}, and this is {self.objective}"
                    )
        return self

    @property
    def objective_options(self) -> "ObjectiveConfig":
        """These options only, without the others of a subclass."""
        return ObjectiveConfig.model_validate(
            {name: getattr(self, name) for name in ObjectiveConfig.model_fields}
        )

    def objective_group(self) -> dict[str, Any]:
        """Return the group of the objective, as JSON."""
        groups = {group for group, owner in OWNERS.items() if owner == self.objective}
        return self.model_dump(mode="json", include=groups)


def check_compatible(architecture: str, objective: ObjectiveName) -> None:
    """Raise ValueError where the objective doesn't fit the architecture.

    >>> check_compatible("decoder", "clm")
    """
    if objective not in OBJECTIVES_OF[architecture]:
        right = " or ".join(OBJECTIVES_OF[architecture])
        needs = next(name for name, known in OBJECTIVES_OF.items() if objective in known)
        raise ValueError(
            f"--objective: got {objective}, which goes with --model.architecture {needs}; "
            f"with {architecture}, give --objective {right}"
        )
