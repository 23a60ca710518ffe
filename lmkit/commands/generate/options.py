"""What can be set for `lmkit generate`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from lmkit.config import POSITIONAL, CommandConfig
from lmkit.execution.options import ComputesOn


class GenerateConfig(ComputesOn, CommandConfig):
    """Generate text with a run's model: continue a prompt, or fill its masks."""

    stage = "generate"

    run: Annotated[Path, POSITIONAL]
    """Run (its best checkpoint, else its latest), one checkpoint, or a Transformers folder."""

    prompt: str = ""
    """Text to continue (empty: the model begins a document); or, for models that fill masks, a text
    with the tokenizer's mask, such as <mask> or [MASK], or T5's <extra_id_0>, for each span."""

    suffix: str = ""
    """Text after the prompt; a decoder trained with --fim.rate generates the middle."""

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens to generate, if the model doesn't end before; none: 200, more to restore a whole
    text, fewer where learned positions run out."""

    temperature: Annotated[float, Field(ge=0)] = 0.8
    """Below 1, likely tokens become likelier; 0 always takes the likeliest."""

    top_k: Annotated[int, Field(ge=1)] | None = None
    """Sample from this many of the likeliest tokens; none: from all."""

    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Sample from the fewest tokens that together have this probability; none: from all."""

    samples: Annotated[int, Field(ge=1)] = 1
    """Texts to generate."""

    seed: int = 0
    """The same seed generates the same text."""
