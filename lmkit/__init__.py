"""From raw text to a pre-trained language model that you can trust, one command per step.

Every command is also a function. `lmkit clean raw/ --output work/clean` is

    lmkit.clean(lmkit.CleanConfig(inputs=(Path("raw"),), output=Path("work/clean")))
"""

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
