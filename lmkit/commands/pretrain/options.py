"""What can be set for `lmkit pretrain`."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import BeforeValidator, Field, model_validator

from lmkit.config import REPEATED, OneOf, StageConfig, is_none, options
from lmkit.execution.options import ComputesOn
from lmkit.model.options import ModelConfig
from lmkit.model.presets import PARTS, PRESETS
from lmkit.objectives.options import ObjectiveConfig, check_compatible
from lmkit.objectives.registry import OBJECTIVES, objectives_of
from lmkit.training.evaluations.options import EvaluationConfig, SampleConfig
from lmkit.training.options import (
    MOST_BATCH_TOKENS,
    OVERRIDABLE,
    MixtureConfig,
    OptimConfig,
    RampConfig,
    ScheduleConfig,
    SpikeConfig,
)
from lmkit.training.tracking.registry import CHOICES


def _option_name(name: object) -> object:
    """Return the name of an option as it is typed, but for the dashes before it."""
    return name.removeprefix("--").replace("_", "-") if isinstance(name, str) else name


class PretrainConfig(ObjectiveConfig, ComputesOn, StageConfig):
    """Train a model on packed folders, or resume a run."""

    stage = "pretrain"
    example = "lmkit pretrain work/packed --output work/run --model.preset llama-15m --steps 5000"
    output_patterns = (
        r"(model|resolved)\.json",
        r"tokenizer/(tokenizer|tokenizer_config|special_tokens_map)\.json",
        r"checkpoints/step-\d{8,}/((model|optimizer)\.safetensors|(state|manifest)\.json)",
        r"checkpoints/average/(model\.safetensors|(state|manifest)\.json)",
        r"checkpoints/(index\.json|\.(partial|old)-.*)",
        r"tensorboard/events\.out\.tfevents\..*",
        rf"({'|'.join(CHOICES)}|profile)/.*",
        r"(metrics|history|samples)\.jsonl|\.(metrics|samples)\.jsonl\.partial",
    )
    may_change: ClassVar[frozenset[str]] = frozenset(
        {
            *("steps", "tokens", "epochs", "hours", "time_limit", "micro_batch", "device"),
            *("save_every", "validate_every", "log_every", "keep_checkpoints", "stall_timeout"),
            *("parallel", "activation_checkpointing", "compile", "average"),
            *(option.key for option in options(EvaluationConfig, "eval.")),
            *(option.key for option in options(SampleConfig, "sample.")),
        }
    )

    steps: Annotated[int, Field(ge=1, le=10**12)] = 1_000
    """Optimizer steps. A finished run resumes if you ask for more."""

    tokens: Annotated[int, Field(ge=1)] | None = None
    """Tokens to train on, instead of --steps; rounded up to whole steps."""

    epochs: Annotated[float, Field(gt=0, le=10**9)] | None = None
    """Epochs to train for, instead of --steps; rounded up to whole steps."""

    hours: Annotated[float, Field(gt=0, le=10**6)] | None = None
    """Hours to train for, instead of --steps: a trial of the speed determines, once, how many
    steps."""

    time_limit: Annotated[float, Field(gt=0)] | None = None
    """Hours after which this process saves and exits with code 130, before a batch system kills it;
    the same command resumes. none: no limit."""

    batch_tokens: Annotated[int, Field(ge=1, le=MOST_BATCH_TOKENS)] = 16_384
    """Tokens in a global batch, over all devices; rounded to whole sequences."""

    micro_batch: Annotated[int, Field(ge=1)] | Literal["auto"] | None = None
    """Sequences that a device computes at a time; auto: as many as fit into memory, determined once
    a run; none: about 8,192 tokens. It changes no result beyond rounding, except for the dropout
    masks, if there is dropout."""

    activation_checkpointing: bool = False
    """Keep only the input of each block, and recompute the rest in the backward pass: less memory,
    about a third more time, the same results."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Precision of matrix products; auto tries which is faster here, once a run. fp16 is for GPUs
    without bf16; it scales the loss."""

    compile: Literal["auto", "yes", "no"] = "auto"
    """Compile the blocks (torch.compile), for faster steps after up to a minute; auto: if the run
    is long enough to repay that, and there is a compiler (on a CPU also: AVX-512). It changes no
    result beyond rounding, except for the dropout masks, if there is dropout."""

    parallel: Literal["ddp", "fsdp", "tensor"] = "ddp"
    """How several processes share the work: each with all weights (ddp), with a shard of them
    (fsdp), or with some of the heads (tensor). It changes no result beyond rounding, except for the
    dropout masks, if there is dropout."""

    validate_every: Annotated[int, Field(ge=1)] | None = 250
    """Steps between validations on the held-out sequences; none: only after the last."""

    save_every: Annotated[int, Field(ge=1)] | None = 250
    """Steps between checkpoints; none: only after the last."""

    keep_checkpoints: Annotated[int, Field(ge=1)] = 2
    """Checkpoints to keep: this many of the latest, and the best."""

    average: Annotated[int | None, Field(ge=2, exclude_if=is_none)] = None
    """After the last step, also write the mean of the weights of this many of the last checkpoints
    (checkpoints/average), and validate it, too; none: don't."""

    log_every: Annotated[int, Field(ge=1)] = 10
    """Steps between lines in the log, and between points in TensorBoard."""

    track: Annotated[Annotated[str, OneOf(CHOICES)] | None, Field(exclude=True)] = None
    """Also log every step to this tracker: offline, in the run's folder, unless WANDB_MODE or
    TRACKIO_SPACE_ID is set; none: only to TensorBoard."""

    profile: Annotated[Annotated[int, Field(ge=1, le=100)] | None, Field(exclude=True)] = None
    """Steps to profile, after 5 to warm up: a trace for Perfetto in profile/, and a table of the
    costliest operations; none: don't."""

    stall_timeout: Annotated[float, Field(gt=0)] | None = 1_800
    """Seconds after which a run without progress exits and names the stalled rank; none:
    never."""

    override: Annotated[
        tuple[Annotated[str, OneOf((*OVERRIDABLE,)), BeforeValidator(_option_name)], ...],
        REPEATED,
        Field(exclude=True),
    ] = ()
    """Option to change for the steps to come, when a run resumes: give its new value, too. It is
    recorded with the step. Otherwise another value is refused."""

    init_from: Path | None = None
    """Initialize weights and shape from another model: a run, a checkpoint, or a Transformers
    folder (safetensors only); none: random weights from the seed."""

    dry_run: Annotated[bool, Field(exclude=True)] = False
    """Check everything, estimate memory and time on this machine, and write nothing."""

    mixture: MixtureConfig = MixtureConfig()

    model: ModelConfig = ModelConfig()

    optim: OptimConfig = OptimConfig()

    schedule: ScheduleConfig = ScheduleConfig()

    ramp: RampConfig = RampConfig()

    spike: SpikeConfig = SpikeConfig()

    eval: EvaluationConfig = EvaluationConfig()

    sample: SampleConfig = SampleConfig()

    @model_validator(mode="before")
    @classmethod
    def _objective_and_architecture_imply_each_other(cls, values: Any) -> Any:
        """Add the objective of a typed architecture or preset, or the architecture of an objective.

        With --init-from the architecture is that of the other model.
        """
        if not isinstance(values, dict) or cast(dict[str, Any], values).get("init_from"):
            return values
        given, model = cast(dict[str, Any], values), cast(dict[str, Any], values).get("model", {})
        objective = given.get("objective")
        architecture = _typed_architecture(model)
        if objective is None and architecture is not None:
            known = objectives_of(architecture)
            return given | {"objective": known[0]} if known else given
        entry = next((each for each in OBJECTIVES if each.name == objective), None)
        if entry is not None and architecture is None and isinstance(model, dict):
            return given | {"model": {**model, "architecture": entry.architectures[0]}}
        return given

    @model_validator(mode="after")
    def _ramp_rises(self) -> Self:
        first = self.ramp.batch_tokens
        if first is not None and first > self.batch_tokens:
            raise ValueError(
                f"--ramp.batch-tokens: got {first:,}, must be at most --batch-tokens, which is "
                f"{self.batch_tokens:,}"
            )
        return self

    @model_validator(mode="after")
    def _keeps_what_is_averaged(self) -> Self:
        if self.average is not None and self.average > self.keep_checkpoints:
            raise ValueError(
                f"--average: got {self.average}, must be at most --keep-checkpoints, which is "
                f"{self.keep_checkpoints}"
            )
        return self

    @model_validator(mode="after")
    def _refuse_incompatible_objective(self) -> Self:
        if self.init_from is None:  # else the architecture is that of the other model
            check_compatible(self.model.architecture, self.objective)
        return self


def _typed_architecture(model: object) -> str | None:
    """Return the architecture that the options of a model name, by themselves or by a preset."""
    if isinstance(model, ModelConfig):
        return model.architecture
    if not isinstance(model, dict):
        return None
    table = cast(dict[str, Any], model)
    preset = PARTS.get(table["preset"], {}) if table.get("preset") in PRESETS else None
    implied = None if preset is None else preset.get("architecture", "decoder")
    found = table.get("architecture") or implied
    return found if isinstance(found, str) else None
