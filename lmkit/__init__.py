"""From raw text to a pre-trained language model that you can trust, one command per step.

Every command is also a function. `lmkit clean raw/ --output work/clean` is

    lmkit.clean(lmkit.CleanConfig(inputs=(Path("raw"),), output=Path("work/clean")))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmkit.stages.clean import CleanConfig, clean
    from lmkit.stages.dedup import DedupConfig, dedup
    from lmkit.stages.evaluate import EvalConfig, evaluate
    from lmkit.stages.export import ExportConfig, export
    from lmkit.stages.generate import GenerateConfig, generate
    from lmkit.stages.inspect import InspectConfig, inspect_folder
    from lmkit.stages.pack import PackConfig, pack
    from lmkit.stages.pretrain import PretrainConfig, pretrain
    from lmkit.stages.train_tokenizer import TrainTokenizerConfig, train_tokenizer

__all__ = [
    "CleanConfig",
    "DedupConfig",
    "EvalConfig",
    "ExportConfig",
    "GenerateConfig",
    "InspectConfig",
    "PackConfig",
    "PretrainConfig",
    "TrainTokenizerConfig",
    "clean",
    "dedup",
    "evaluate",
    "export",
    "generate",
    "inspect_folder",
    "pack",
    "pretrain",
    "train_tokenizer",
]

_MODULES = {
    "CleanConfig": "clean",
    "DedupConfig": "dedup",
    "EvalConfig": "evaluate",
    "ExportConfig": "export",
    "GenerateConfig": "generate",
    "InspectConfig": "inspect",
    "PackConfig": "pack",
    "PretrainConfig": "pretrain",
    "TrainTokenizerConfig": "train_tokenizer",
    "inspect_folder": "inspect",
}


def __getattr__(name: str) -> Any:
    """Import a stage when its name is first wanted: a command shouldn't wait for the others."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.stages.{_MODULES.get(name, name)}"), name)


def __dir__() -> list[str]:
    return [*__all__]
