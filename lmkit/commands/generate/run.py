"""Generate: let a run's model generate text in the format of its objective.

Choices:
- What a model does depends on its run: a decoder continues the prompt, or generates the middle
  between --prompt and --suffix; an encoder fills the masks of the prompt; an encoder-decoder
  predicts its masked spans. An option that has no meaning there is refused.
- The prompt is read as the beginning of a document, or as a full one where it has masks.
- EOS ends the text; padding and the other special tokens are never sampled.
- Each position attends to as many positions as in training; a text may become longer than that.
- Each sample has its own seed, derived from --seed and its number.
"""

from dataclasses import dataclass
from typing import Any

from lmkit.commands.generate.options import GenerateConfig
from lmkit.counter_rng import draw
from lmkit.generation.generated import Generated
from lmkit.generation.prompts import PromptRunner
from lmkit.generation.sampling import Sampling
from lmkit.training.checkpoints.trained_model import open_run
from lmkit.training.precision import find_device


@dataclass(frozen=True)
class Sample:
    """A prompt and the text that the model generated."""

    prompt: str
    text: str
    ended: bool
    """Whether the model ended the text itself."""
    generated: "Generated"

    def to_json(self) -> dict[str, Any]:
        """Return the values for --json."""
        return {"prompt": self.prompt, **self.generated.to_json()}

    def shown(self) -> str:
        """Return what is printed: the text, and what was filled in, with its probabilities."""
        if self.generated.kind not in {"masks", "spans"}:
            return self.text
        lines = [self.text, ""]
        for number, span in enumerate(self.generated.spans, 1):
            alternatives = ", ".join(
                f"{each.token} {each.probability:.1%}" for each in span.alternatives
            )
            line = f"  {number}. {span.text!r} {span.probability:.1%}"
            lines.append(f"{line} (most likely: {alternatives})" if alternatives else line)
        return "\n".join(lines)


def generate(config: GenerateConfig) -> list[Sample]:
    """Generate texts for the prompt, --samples times."""
    trained = open_run(config.run, find_device(config.device))
    description = trained.description
    runner = PromptRunner(
        trained.model,
        trained.tokenizer,
        description.learned,
        description.packing,
        Sampling(config.temperature, config.top_k, config.top_p),
    )
    samples: list[Sample] = []
    for number in range(config.samples):
        seed = draw(config.seed, number) >> 1
        generated = runner.write(config.prompt, config.suffix, config.max_tokens, seed)
        samples.append(Sample(config.prompt, generated.text, generated.ended, generated))
    return samples


def result_text(_: "GenerateConfig", samples: "list[Sample]") -> str:
    """Return the samples, separated by rules."""
    return "\n\n---\n\n".join(sample.shown() for sample in samples)
