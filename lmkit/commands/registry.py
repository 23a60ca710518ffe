"""The registry of commands: their names, their options, and their functions.

Choices:
- A command is a folder: `options.py` declares its options, `run.py` has its function and the text
  that is printed for its result. A new command is a folder and a line here.
- A command whose result grows while it is made has `result_parts` in place of `result_text`.
- Nothing of a command is imported before it is needed: `--help` imports only its options, and no
  command waits for the libraries of another one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from lmkit.config import CommandConfig


@dataclass(frozen=True)
class Command:
    """A command: its name, and the names of its options class and of its function."""

    name: str
    config_name: str
    function_name: str

    @property
    def config(self) -> type[CommandConfig]:
        """The options class."""
        return getattr(import_module(f"{self._folder}.options"), self.config_name)

    @property
    def run(self) -> Callable[[Any], Any]:
        """The function that takes the options and returns the result."""
        return getattr(self._run_module, self.function_name)

    @property
    def result_text(self) -> Callable[[Any, Any], str]:
        """The function that takes options and result, and returns what is printed."""
        return self._run_module.result_text

    @property
    def result_parts(self) -> Callable[[Any, bool], Iterator[str]] | None:
        """The function that takes options, and whether to print JSON, and yields what is printed.

        None where the result is printed at the end.
        """
        return getattr(self._run_module, "result_parts", None)

    @property
    def _folder(self) -> str:
        return f"{__package__}.{self.name.replace('-', '_')}"

    @property
    def module(self) -> str:
        """The name of the module of its function."""
        return f"{self._folder}.run"

    @property
    def _run_module(self) -> Any:
        return import_module(self.module)


COMMANDS = (
    Command("clean", "CleanConfig", "clean"),
    Command("dedup", "DedupConfig", "dedup"),
    Command("train-classifier", "TrainClassifierConfig", "train_classifier"),
    Command("train-tokenizer", "TrainTokenizerConfig", "train_tokenizer"),
    Command("pack", "PackConfig", "pack"),
    Command("plan", "PlanConfig", "plan"),
    Command("pretrain", "PretrainConfig", "pretrain"),
    Command("pipeline", "PipelineConfig", "pipeline"),
    Command("completion", "CompletionConfig", "completion"),
    Command("report", "ReportConfig", "report"),
    Command("eval", "EvalConfig", "evaluate"),
    Command("generate", "GenerateConfig", "generate"),
    Command("export", "ExportConfig", "export"),
    Command("inspect", "InspectConfig", "inspect_folder"),
    Command("doctor", "DoctorConfig", "diagnose"),
)


def command_named(name: str) -> Command | None:
    """Return the command with this name, if there is one."""
    return next((command for command in COMMANDS if command.name == name), None)
