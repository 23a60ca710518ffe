"""The prompts of a run, read and checked before its model is built.

Choices:
- They are read as `lmkit generate --prompts` reads them, but a blank line of a text is no prompt.
- Whatever `lmkit generate` would refuse is an error while the run is planned: a prompt without a
  mask for a model that fills masks, one that is longer than the learned positions.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lmkit.errors import ConfigError, InputError
from lmkit.evaluation.tasks.task_scorer import ScoredModel
from lmkit.generation.prompts import PromptRunner
from lmkit.generation.prompts_file import STDIN, PromptLine, PromptsFile
from lmkit.generation.sampling import Sampling
from lmkit.training.distributed.launch import ParallelMode
from lmkit.training.evaluations.options import SampleConfig
from lmkit.training.evaluations.stand_in import Computed

OPTION = "--sample.prompts"


@dataclass(frozen=True)
class PlannedPrompts:
    """Prompts that a run's model can answer."""

    options: SampleConfig
    lines: tuple[PromptLine, ...]


def read_prompts(path: Path) -> tuple[PromptLine, ...]:
    """Return the prompts of a file. Raises ConfigError and InputError."""
    if str(path) == STDIN:
        raise ConfigError(
            f"--sample.prompts: got {STDIN}, must be a file: a run that resumes reads it again",
            "write the prompts to a file, one a line",
        )
    with PromptsFile(path, OPTION) as file:
        lines = tuple(line for line in file if file.is_json or line.prompt.strip())
    if not lines:
        raise InputError(f"{OPTION}: {path} has no prompts", "write one on each line")
    return lines


def prompt_runner(scored: ScoredModel, temperature: float) -> PromptRunner:
    """Return what generates with a model."""
    sampling = Sampling(temperature)
    return PromptRunner(scored.model, scored.tokenizer, scored.objective, scored.packing, sampling)


def plan_prompts(options: SampleConfig, scored: ScoredModel) -> PlannedPrompts:
    """Read the prompts of a run and check each with a stand-in of its model.

    Raises InputError for what is wrong with the file, and ConfigError if the model can't answer.
    """
    assert options.prompts is not None
    lines, runner = read_prompts(options.prompts), prompt_runner(scored, options.temperature)
    for line in lines:
        try:
            with suppress(Computed):
                runner.write(line.prompt, line.suffix, options.max_tokens, 0)
        except ConfigError as error:
            message = error.message.replace("--max-tokens", "--sample.max-tokens")
            for name in ("--prompt: ", "RUN: "):
                message = message.replace(name, f"{OPTION}: {line.location}: ")
            raise ConfigError(message, error.hint) from None
    return PlannedPrompts(options, lines)


def refuse_prompts(parallel: ParallelMode, processes: int) -> None:
    """Raise ConfigError where a process alone can't generate."""
    if processes > 1 and parallel != "ddp":
        raise ConfigError(
            f"--sample.prompts: can't be combined with --parallel {parallel}, where each token "
            "needs all processes",
            "leave it out: lmkit generate takes a checkpoint of the run while it trains",
        )
