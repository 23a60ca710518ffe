"""What can be set for `lmkit pretrain`."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lmkit.config import StageConfig
from lmkit.model.options import ModelConfig
from lmkit.objectives.options import ObjectiveConfig, refuse_pair
from lmkit.training.options import MixtureConfig, OptimConfig, ScheduleConfig, SpikeConfig


class PretrainConfig(ObjectiveConfig, StageConfig):
    """Train a model on packed folders, or go on with a run."""

    stage = "pretrain"
    owns = (
        r"(model|resolved)\.json",
        r"tokenizer/(tokenizer|tokenizer_config|special_tokens_map)\.json",
        r"checkpoints/step-\d{8,}/((model|optimizer)\.safetensors|(state|manifest)\.json)",
        r"checkpoints/(index\.json|\.(partial|old)-.*)",
        r"tensorboard/events\.out\.tfevents\..*",
        r"(metrics|history)\.jsonl|\.metrics\.jsonl\.partial",
    )
    may_change: ClassVar[frozenset[str]] = frozenset(
        {
            *("steps", "tokens", "epochs", "hours", "time_limit", "micro_batch", "device"),
            *("save_every", "validate_every", "log_every", "keep", "stall_timeout"),
            *("parallel", "activation_checkpointing"),
        }
    )

    steps: Annotated[int, Field(ge=1)] = 1_000
    """Updates of the weights. A finished run goes on if you ask for more."""

    tokens: Annotated[int, Field(ge=1)] | None = None
    """Tokens to train on, instead of --steps; rounded up to whole steps."""

    epochs: Annotated[float, Field(gt=0)] | None = None
    """Times to read the text, instead of --steps; rounded up to whole steps."""

    hours: Annotated[float, Field(gt=0)] | None = None
    """Time to train for, instead of --steps: a trial of the speed says, once, how many steps."""

    time_limit: Annotated[float, Field(gt=0)] | None = None
    """Hours after which this process saves and ends with exit code 130, before a batch system ends
    it; the same command goes on. none: no limit."""

    batch_tokens: Annotated[int, Field(ge=1)] = 16_384
    """Tokens in a batch, over all devices; rounded to whole rows."""

    micro_batch: Annotated[int, Field(ge=1)] | Literal["auto"] | None = None
    """Rows that a device computes at a time; auto: as many as fit into memory, found out once a
    run; none: about 8,192 tokens. It changes no result."""

    activation_checkpointing: bool = False
    """Keep what goes into each block, and compute the rest of it again on the way back: less
    memory, about a third more time, the same results."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """How products are computed; auto tries which is faster here, once a run. fp16 is for GPUs
    without bf16; the loss is scaled."""

    parallel: Literal["ddp", "fsdp", "tensor"] = "ddp"
    """How several processes share the work: each with all weights, each with a part of them, or
    each with some of the heads. It changes no result beyond rounding."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes a GPU if there is one."""

    validate_every: Annotated[int, Field(ge=1)] | None = 250
    """Steps between two looks at the held-out rows; none: only after the last."""

    save_every: Annotated[int, Field(ge=1)] | None = 250
    """Steps between two checkpoints; none: only after the last."""

    keep: Annotated[int, Field(ge=1)] = 2
    """Checkpoints to keep: the last so many, and the best."""

    log_every: Annotated[int, Field(ge=1)] = 10
    """Steps between two lines in a log, and two points in TensorBoard."""

    stall_timeout: Annotated[float, Field(gt=0)] | None = 1_800
    """Seconds after which a run where nothing moves ends, and says who is behind; none: never."""

    init_from: Path | None = None
    """Begin with the weights, and in the shape, of another model: a run, a checkpoint, or a folder
    that Transformers reads (safetensors alone); none: with weights drawn from the seed."""

    dry_run: Annotated[bool, Field(exclude=True)] = False
    """Check everything, say what the run would take and how long here, and write nothing."""

    mixture: MixtureConfig = MixtureConfig()

    model: ModelConfig = ModelConfig()

    optim: OptimConfig = OptimConfig()

    schedule: ScheduleConfig = ScheduleConfig()

    spike: SpikeConfig = SpikeConfig()

    @model_validator(mode="after")
    def _refuse_what_cannot_be_learned(self) -> Self:
        if self.init_from is None:  # else the architecture is that of the other model
            refuse_pair(self.model.architecture, self.objective)
        return self
