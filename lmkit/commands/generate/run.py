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
from typing import Any

from lmkit.commands.generate.options import GenerateConfig
from lmkit.counter_rng import draw
from lmkit.generation.prompts import Generated, PromptRunner
from lmkit.generation.sampling import Sampling
from lmkit.objectives.registry import Packing
from lmkit.training.checkpoints.trained_model import open_run
from lmkit.training.precision import find_device


@dataclass(frozen=True)
class Sample:
    """A prompt and what the model made of it."""

    prompt: str
    text: str
    ended: bool
    """Whether the model ended the text itself."""
    written: "Generated"

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
    trained = open_run(config.run, find_device(config.device))
    described = trained.description
    packing = Packing(described.sequence_length, described.bos, described.eos)
    sampling = Sampling(config.temperature, config.top_k, config.top_p)
    writer = PromptRunner(trained.model, trained.tokenizer, described.learned, packing, sampling)
    samples: list[Sample] = []
    for number in range(config.samples):
        seed = draw(config.seed, number) >> 1
        made = writer.write(config.prompt, config.suffix, config.max_tokens, seed)
        samples.append(Sample(config.prompt, made.text, made.ended, made))
    return samples


def result_text(_: "GenerateConfig", samples: "list[Sample]") -> str:
    """Show the samples, with a rule between."""
    return "\n\n---\n\n".join(sample.shown() for sample in samples)
