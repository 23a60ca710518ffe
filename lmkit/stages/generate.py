"""Generate: let a run's model go on with a text.

Choices:
- The prompt is read as the beginning of a document, as documents were packed.
- The end token ends the text; padding and the other special tokens are never drawn.
- Each place sees as far as in training; a text may get longer than that.
- Each sample has a seed of its own, which follows from --seed and its number.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lmkit.config import POSITIONAL, CommandConfig
from lmkit.errors import ConfigError


class GenerateConfig(CommandConfig):
    """Write text with a run's model."""

    stage = "generate"

    run: Annotated[Path, POSITIONAL]
    """Folder of a run (its best checkpoint, else its latest), or of one checkpoint."""

    prompt: str = ""
    """Text to go on with; without one, the model begins a document."""

    max_tokens: Annotated[int, Field(ge=1)] = 200
    """Most tokens to write; the model may end the text before."""

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

    def to_json(self) -> dict[str, Any]:
        """Return what a script reads."""
        return dict(vars(self))


def generate(config: GenerateConfig) -> list[Sample]:
    """Go on with the prompt, as often as wanted."""
    from lmkit.model import generation
    from lmkit.tokens.draws import draw
    from lmkit.training.precision import find_device
    from lmkit.training.run import open_run

    trained = open_run(config.run, find_device(config.device))
    begin, end = trained.description.begin, trained.description.end
    prompt = [] if begin is None else [begin]
    prompt += trained.tokenizer.encode(config.prompt).tolist()
    if not prompt:
        raise ConfigError(
            "--prompt: got nothing, and the run was packed without a begin token",
            "give the model something to go on with",
        )
    samples: list[Sample] = []
    for number in range(config.samples):
        ids = list(
            generation.generate(
                trained.model,
                prompt,
                config.max_tokens,
                temperature=config.temperature,
                top_k=config.top_k,
                top_p=config.top_p,
                seed=draw(config.seed, number) >> 1,
                end_id=end,
                forbidden=trained.tokenizer.special.tolist(),
                window=trained.description.sequence_length,
            )
        )
        # Decoded together: a character may have begun in the prompt.
        whole = trained.tokenizer.decode([*prompt, *ids])
        samples.append(Sample(config.prompt, whole, len(ids) < config.max_tokens))
    return samples
