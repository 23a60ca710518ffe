"""Generate: let a run's model write what it was trained to write.

Choices:
- What a model does follows from its run: a decoder goes on with the prompt, or fills the middle
  between --prompt and --suffix; an encoder fills the masks of the prompt; an encoder-decoder says
  what was in its holes. An option that has no use there is refused.
- The prompt is read as the beginning of a document, or as a whole one where it has holes.
- The end token ends the text; padding and the other special tokens are never drawn.
- Each place sees as far as in training; a text may get longer than that.
- Each sample has a seed of its own, which follows from --seed and its number.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from lmkit.config import POSITIONAL, CommandConfig

if TYPE_CHECKING:
    from lmkit.objectives.writing import Written


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


@dataclass(frozen=True)
class Sample:
    """A prompt and what the model made of it."""

    prompt: str
    text: str
    ended: bool
    """Whether the model ended the text itself."""
    written: "Written"

    def to_json(self) -> dict[str, Any]:
        """Return what a script reads."""
        return {"prompt": self.prompt, **self.written.to_json()}

    def shown(self) -> str:
        """Return what a person reads: the text, and what was put into holes, with its odds."""
        if self.written.kind not in {"masks", "spans"}:
            return self.text
        lines = [self.text, ""]
        for number, span in enumerate(self.written.spans, 1):
            others = ", ".join(f"{each.token} {each.probability:.1%}" for each in span.alternatives)
            line = f"  {number}. {span.text!r} {span.probability:.1%}"
            lines.append(f"{line} (likeliest: {others})" if others else line)
        return "\n".join(lines)


def generate(config: GenerateConfig) -> list[Sample]:
    """Write for the prompt, as often as wanted."""
    from lmkit.model.generation import Sampling
    from lmkit.objectives.choice import Packing
    from lmkit.objectives.writing import Writer
    from lmkit.tokens.draws import draw
    from lmkit.training.precision import find_device
    from lmkit.training.run import open_run

    trained = open_run(config.run, find_device(config.device))
    described = trained.description
    packing = Packing(described.sequence_length, described.begin, described.end)
    sampling = Sampling(config.temperature, config.top_k, config.top_p)
    writer = Writer(trained.model, trained.tokenizer, described.learned, packing, sampling)
    samples: list[Sample] = []
    for number in range(config.samples):
        seed = draw(config.seed, number) >> 1
        made = writer.write(config.prompt, config.suffix, config.max_tokens, seed)
        samples.append(Sample(config.prompt, made.text, made.ended, made))
    return samples
