"""The commands, listed once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import (
    Any,
)

import lmkit
from lmkit.commands import registry as results
from lmkit.config import CommandConfig


@dataclass(frozen=True)
class Command:
    """What a person types, the config, the stage that takes it, and how its result is shown."""

    name: str
    config_name: str
    stage_name: str
    show: Callable[[Any, Any], str]

    @property
    def config(self) -> type[CommandConfig]:
        """The options."""
        return getattr(lmkit, self.config_name)

    @property
    def run(self) -> Callable[[Any], Any]:
        """What does the work."""
        return getattr(lmkit, self.stage_name)


COMMANDS = (
    Command("clean", "CleanConfig", "clean", results.cleaned),
    Command("dedup", "DedupConfig", "dedup", results.deduplicated),
    Command("train-tokenizer", "TrainTokenizerConfig", "train_tokenizer", results.tokenizer_made),
    Command("pack", "PackConfig", "pack", results.packed),
    Command("pretrain", "PretrainConfig", "pretrain", results.trained),
    Command("eval", "EvalConfig", "evaluate", results.scored),
    Command("generate", "GenerateConfig", "generate", results.written),
    Command("export", "ExportConfig", "export", results.exported),
    Command("inspect", "InspectConfig", "inspect_folder", results.inspected),
)
