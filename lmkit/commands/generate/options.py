"""What can be set for `lmkit generate`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lmkit.config import POSITIONAL, CommandConfig


class GenerateConfig(CommandConfig):
    """Write text with a run's model: go on, or fill what is missing."""

    stage = "generate"

    run: Annotated[Path, POSITIONAL]
    """Folder of a run (its best checkpoint, else its latest), or of one checkpoint."""

    prompt: str = ""
    """Text to go on with (none: the model begins a document); or, of models that fill holes, a text
    with the tokenizer's mask, such as <mask> or [MASK], or T5's <extra_id_0>, in each of them."""

    suffix: str = ""
    """Text behind the prompt; a decoder trained with --fim.rate writes what stands between."""

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens to write, if the model doesn't end before; none: 200, more for a whole text to
    restore, fewer where positions are learned and there are no more."""

    temperature: Annotated[float, Field(ge=0)] = 0.8
    """Below 1 the likely becomes likelier; 0 always takes the likeliest."""

    top_k: Annotated[int, Field(ge=1)] | None = None
    """Draw from this many of the likeliest tokens; none: from all."""

    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Draw from the fewest tokens that together have this probability; none: from all."""

    samples: Annotated[int, Field(ge=1)] = 1
    """Texts to write."""

    seed: int = 0
    """The same seed writes the same text."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes a GPU if there is one."""
