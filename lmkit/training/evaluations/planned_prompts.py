"""The prompts of a run, read and checked before its model is built.

Choices:
- A prompt is a line of a text file; empty lines are none.
- Whatever `lmkit generate` would refuse is an error while the run is planned: a prompt without a
  mask for a model that fills masks, one that is longer than the learned positions.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lmkit.errors import ConfigError, InputError
from lmkit.evaluation.tasks.task_scorer import ScoredModel
from lmkit.generation.prompts import PromptRunner
from lmkit.generation.sampling import Sampling
from lmkit.training.distributed.launch import ParallelMode
from lmkit.training.evaluations.options import SampleConfig
from lmkit.training.evaluations.stand_in import Computed


@dataclass(frozen=True)
class PlannedPrompts:
    """Prompts that a run's model can answer."""

    options: SampleConfig
    texts: tuple[str, ...]


def read_prompts(path: Path) -> dict[int, str]:
    """Return the prompts of a file by the numbers of their lines. Raises InputError."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"--sample.prompts: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"--sample.prompts: {path}: byte {error.start} is not UTF-8", "give a text file"
        ) from None
    prompts = {number: line.rstrip("\r") for number, line in enumerate(lines, 1) if line.strip()}
    if not prompts:
        raise InputError(f"--sample.prompts: {path} holds no prompt", "write one prompt a line")
    return prompts


def prompt_runner(scored: ScoredModel, temperature: float) -> PromptRunner:
    """Return what generates with a model."""
    sampling = Sampling(temperature)
    return PromptRunner(scored.model, scored.tokenizer, scored.objective, scored.packing, sampling)


def plan_prompts(options: SampleConfig, scored: ScoredModel) -> PlannedPrompts:
    """Read the prompts of a run and check each with a stand-in of its model.

    Raises InputError for what is wrong with the file, and ConfigError if the model can't answer.
    """
    path = options.prompts
    assert path is not None
    prompts, runner = read_prompts(path), prompt_runner(scored, options.temperature)
    for number, prompt in prompts.items():
        try:
            with suppress(Computed):
                runner.write(prompt, "", options.max_tokens, 0)
        except ConfigError as error:
            message = error.message.replace("--max-tokens", "--sample.max-tokens")
            for name in ("--prompt: ", "RUN: "):
                message = message.replace(name, f"--sample.prompts: {path}: line {number}: ")
            raise ConfigError(message, error.hint) from None
    return PlannedPrompts(options, tuple(prompts.values()))


def refuse_prompts(parallel: ParallelMode, processes: int) -> None:
    """Raise ConfigError where a process alone can't generate."""
    if processes > 1 and parallel != "ddp":
        raise ConfigError(
            f"--sample.prompts: can't be combined with --parallel {parallel}, where each token "
            "needs all processes",
            "leave it out: lmkit generate takes a checkpoint of the run while it trains",
        )
