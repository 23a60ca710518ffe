"""Generate: let a run's model generate text in the format of its objective.

Choices:
- What a model does depends on its run: a decoder continues the prompt, or generates the middle
  between --prompt and --suffix; an encoder fills the masks of the prompt; an encoder-decoder
  predicts its masked spans. An option that has no meaning there is refused.
- Each mask gets its likeliest token, and the likeliest ones are shown with their probabilities. A
  text is sampled, as a mask is where sampling was asked for.
- The prompt is read as the beginning of a document, or as a full one where it has masks.
- EOS ends the text; padding and the other special tokens are never sampled.
- Each position attends to as many positions as in training; a text may become longer than that.
- Each sample has its own seed, derived from --seed and its number; with --prompts, from the seed of
  its prompt, which is derived from --seed and the prompt's number. So a text doesn't depend on
  --batch, and `--prompt` with the seed that --json reports generates it again.
- A file of prompts is checked to its end first. Then as many are read as a batch holds, and each
  text is printed when those before it have ended: memory doesn't grow with the file.
- A text that continues one prompt is printed while it is generated. On a terminal control
  characters are shown as escapes; a pipe or a file gets the text as it is, and JSON escapes them.
- With --json one prompt gives a list of its samples, --prompts a line for each.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lmkit.commands.generate.options import GenerateConfig
from lmkit.counter_rng import draw
from lmkit.errors import ConfigError, InputError
from lmkit.execution.progress import printable
from lmkit.execution.short_view import ShortView
from lmkit.generation.generated import Generated
from lmkit.generation.prompts import USUAL, Prepared, PromptRunner, default_temperature
from lmkit.generation.prompts_file import PromptLine, PromptsFile
from lmkit.generation.sampling import Sampling
from lmkit.text.json_output import json_text
from lmkit.training.checkpoints.open_model import open_model
from lmkit.training.checkpoints.trained_model import TrainedModel
from lmkit.training.precision import find_device

SEPARATOR = "\n\n---\n\n"


@dataclass(frozen=True)
class Request:
    """A prompt that was checked, and the seed and the number of a sample."""

    line: PromptLine
    prepared: Prepared
    seed: int
    """That with which `--prompt` generates the same."""
    number: int

    @property
    def sampling_seed(self) -> int:
        """The seed of its random numbers."""
        return draw(self.seed, self.number) >> 1


@dataclass(frozen=True, repr=False)
class Sample(ShortView):
    """A prompt and the text that the model generated."""

    prompt: str
    text: str
    ended: bool
    """Whether the model ended the text itself."""
    generated: Generated
    suffix: str = ""
    seed: int = 0
    """The --seed with which --prompt generates it."""
    number: int = 0
    """Its number among the samples of the prompt."""

    def to_json(self) -> dict[str, Any]:
        """Return the values for --json."""
        prompt = {"prompt": self.prompt, "suffix": self.suffix}
        return {**prompt, **self.generated.to_json(), "seed": self.seed, "sample": self.number}

    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return what a Python shell shows of it."""
        facts = {"prompt": self.prompt, "text": self.text}
        for number, span in enumerate(self.generated.spans, 1):
            if span.alternatives:
                likeliest = (f"{each.text!r} {each.probability:.1%}" for each in span.alternatives)
                facts[f"mask {number}"] = ", ".join(likeliest)
        return "lmkit sample", facts

    def shown(self) -> str:
        """Return what is printed: the text, and what was filled in, with its probabilities."""
        if self.generated.kind not in {"masks", "spans"}:
            return self.text
        lines = [self.text, ""]
        for number, span in enumerate(self.generated.spans, 1):
            alternatives = ", ".join(
                f"{each.text!r} {each.probability:.1%}" for each in span.alternatives
            )
            line = f"  {number}. {span.text!r} {span.probability:.1%}"
            lines.append(f"{line} (most likely: {alternatives})" if alternatives else line)
        return "\n".join(lines)


def generate(config: GenerateConfig) -> list[Sample]:
    """Generate texts for the prompt, or for each of --prompts, --samples times."""
    with _prompt_lines(config) as lines:
        return list(samples(config, _opened(config), lines))


def result_parts(config: GenerateConfig, as_json: bool) -> Iterator[str]:
    """Yield what is printed, as soon as it is known: the samples, separated by rules, or JSON."""
    shown = printable if sys.stdout.isatty() and not as_json else str
    with _prompt_lines(config) as lines:
        for part in (_json if as_json else _text)(config, _opened(config), lines):
            yield shown(part)


def _prompt_lines(config: GenerateConfig) -> AbstractContextManager[Iterable[PromptLine]]:
    if config.prompts is None:
        return nullcontext([PromptLine(config.prompt, config.suffix)])
    return PromptsFile(config.prompts)


def _opened(config: GenerateConfig) -> PromptRunner:
    """Open the run."""
    return prompt_runner(config, open_model(config.run, find_device(config.device)))


def prompt_runner(config: GenerateConfig, trained: TrainedModel) -> PromptRunner:
    """Return what generates with a model as the options say."""
    description = trained.description
    return PromptRunner(
        trained.model,
        trained.tokenizer,
        description.learned,
        description.packing,
        _sampling(config, default_temperature(description.learned, description.packing)),
        config.stop,
        config.alternatives,
    )


def _sampling(config: GenerateConfig, default: float) -> Sampling:
    """Return how tokens are sampled; an option of sampling asks for it, also at masks."""
    cuts = (config.top_k, config.top_p, config.min_p)
    temperature = config.temperature
    if temperature is None:
        temperature = default if cuts == (None, None, None) else USUAL
    return Sampling(temperature, *cuts, config.repetition_penalty)


def _json(
    config: GenerateConfig, runner: PromptRunner, lines: Iterable[PromptLine]
) -> Iterator[str]:
    found = samples(config, runner, lines)
    if config.prompts is None:
        yield f"{json_text(list(found))}\n"
        return
    for sample in found:
        yield f"{json_text(sample)}\n"


def _text(
    config: GenerateConfig, runner: PromptRunner, lines: Iterable[PromptLine]
) -> Iterator[str]:
    """Yield the parts of the text to print; of one prompt, as they are generated."""
    if config.prompts is None:
        for number, request in enumerate(_requests(config, runner, lines)):
            yield SEPARATOR * (number > 0)
            parts = runner.stream(request.prepared, request.sampling_seed)
            yield from parts or [sample.shown() for sample in _written(runner, [request])]
    else:
        for number, sample in enumerate(samples(config, runner, lines)):
            yield SEPARATOR * (number > 0)
            yield sample.shown()
    yield "\n"


def samples(
    config: GenerateConfig, runner: PromptRunner, lines: Iterable[PromptLine]
) -> Iterator[Sample]:
    """Yield the samples of every prompt in order, as many generated at once as a batch holds.

    Prompts with a location, those of a file or a list, are all checked first, and have seeds of
    their own.
    """
    if config.prompts is not None:
        check_prompts(config, runner, lines)
    requests = _requests(config, runner, lines)
    while batch := list(islice(requests, config.batch)):
        yield from _written(runner, batch)


def check_prompts(
    config: GenerateConfig, runner: PromptRunner, lines: Iterable[PromptLine]
) -> None:
    """Read the prompts to their end before anything is generated."""
    runner.check(config.max_tokens)
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007 (the count is needed)
        _prepared(config, runner, line)
    if not count and config.prompts is not None:
        raise InputError(f"--prompts: {config.prompts} has no prompts", "write one on each line")


def _requests(
    config: GenerateConfig, runner: PromptRunner, lines: Iterable[PromptLine]
) -> Iterator[Request]:
    for index, line in enumerate(lines):
        prepared = _prepared(config, runner, line)
        # 53 bits, which every JSON parser reads exactly.
        seed = config.seed if line.location is None else draw(config.seed, index) >> 11
        for number in range(config.samples):
            yield Request(line, prepared, seed, number)


def _prepared(config: GenerateConfig, runner: PromptRunner, line: PromptLine) -> Prepared:
    """Check a prompt and split it into tokens; an error names its line."""
    try:
        return runner.prepare(line.prompt, line.suffix, config.max_tokens)
    except ConfigError as error:
        if line.location is None:
            raise
        message = error.message.removeprefix("--prompt: ")
        raise InputError(f"{line.location}: {message}", error.hint) from None


def _written(runner: PromptRunner, requests: list[Request]) -> Iterator[Sample]:
    texts = runner.write_all(
        [request.prepared for request in requests], [request.sampling_seed for request in requests]
    )
    for request, generated in zip(requests, texts, strict=True):
        yield Sample(
            request.line.prompt,
            generated.text,
            generated.ended,
            generated,
            request.line.suffix,
            request.seed,
            request.number,
        )
