"""What can be set for `lmkit generate`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from lmkit.config import POSITIONAL, REPEATED, CommandConfig
from lmkit.execution.options import ComputesOn


class GenerateConfig(ComputesOn, CommandConfig):
    """Generate text with a run's model: continue a prompt, or fill its masks."""

    stage = "generate"
    example = 'lmkit generate work/run --prompt "Once upon a time"'

    run: Annotated[Path, POSITIONAL]
    """Run (its best checkpoint, else its latest), one checkpoint, or a Transformers folder."""

    prompt: str = ""
    """Text to continue (empty: the model begins a document); or, for models that fill masks, a text
    with the tokenizer's mask, such as <mask> or [MASK], or T5's <extra_id_0>, for each span."""

    suffix: str = ""
    """Text after the prompt; a decoder trained with --fim.rate generates the middle."""

    prompts: Path | None = None
    """File with a prompt on each line, or .jsonl with the fields prompt and suffix; - reads
    standard input. With --json, a line for each text."""

    batch: Annotated[int, Field(ge=1)] = 8
    """Texts to continue at once; more need more memory. Each is the same for any number."""

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens to generate, if the model doesn't end before; none: 200, more to restore a whole
    text, fewer where learned positions run out."""

    stop: Annotated[tuple[str, ...], REPEATED] = ()
    """End before this text is generated, which is left out; repeat it for several."""

    temperature: Annotated[float, Field(ge=0)] | None = None
    """Below 1, likely tokens become likelier; 0 always takes the likeliest; none: 0.8, but 0 for a
    model that fills masks, unless one of the next three is given."""

    top_k: Annotated[int, Field(ge=1)] | None = None
    """Sample from this many of the likeliest tokens; none: from all."""

    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Sample from the fewest tokens that together have this probability; none: from all."""

    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Sample from tokens with at least this fraction of the likeliest token's probability; none:
    from all."""

    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    """Above 1, tokens of the prompt and of what was generated become less likely; 1.2 is usual."""

    alternatives: Annotated[int, Field(ge=1)] | None = None
    """Likeliest tokens to show for each mask, with their probabilities; none: 5."""

    samples: Annotated[int, Field(ge=1)] = 1
    """Texts to generate for each prompt."""

    seed: int = 0
    """The same seed generates the same text."""

    @model_validator(mode="after")
    def _one_source_of_prompts(self) -> Self:
        for name, value in (("--prompt", self.prompt), ("--suffix", self.suffix)):
            if self.prompts is not None and value:
                raise ValueError(f"{name}: cannot be used with --prompts: write it into the file")
        if "" in self.stop:
            raise ValueError("--stop: got nothing, must be a text that ends the generation")
        return self
