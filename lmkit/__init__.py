"""From raw text to a pre-trained language model that you can trust, one command per step.

Every command is also a function. `lmkit clean raw/ --output work/clean` is

    lmkit.clean(lmkit.CleanConfig(inputs=(Path("raw"),), output=Path("work/clean")))

`help(lmkit.CleanConfig)` lists the options, and `lmkit.load("work/run")` opens a trained model. A
script needs `if __name__ == "__main__":` above its calls, since worker processes run it again.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmkit.commands.clean.options import CleanConfig
    from lmkit.commands.completion.options import CompletionConfig
    from lmkit.commands.completion.run import completion
    from lmkit.commands.dedup.options import DedupConfig
    from lmkit.commands.dedup.run import dedup
    from lmkit.commands.doctor.options import DoctorConfig
    from lmkit.commands.doctor.run import diagnose
    from lmkit.commands.eval.options import EvalConfig
    from lmkit.commands.eval.run import evaluate
    from lmkit.commands.export.options import ExportConfig
    from lmkit.commands.export.run import export
    from lmkit.commands.generate.options import GenerateConfig
    from lmkit.commands.generate.run import generate
    from lmkit.commands.inspect.options import InspectConfig
    from lmkit.commands.inspect.run import inspect_folder
    from lmkit.commands.pack.options import PackConfig
    from lmkit.commands.pack.run import pack
    from lmkit.commands.pipeline.options import PipelineConfig
    from lmkit.commands.pipeline.run import pipeline
    from lmkit.commands.plan.options import PlanConfig
    from lmkit.commands.plan.run import plan
    from lmkit.commands.pretrain.options import PretrainConfig
    from lmkit.commands.pretrain.run import pretrain
    from lmkit.commands.report.options import ReportConfig
    from lmkit.commands.report.run import report
    from lmkit.commands.train_classifier.options import TrainClassifierConfig
    from lmkit.commands.train_classifier.run import train_classifier
    from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
    from lmkit.commands.train_tokenizer.run import train_tokenizer
    from lmkit.plugins.extension import with_plugins
    from lmkit.python.loaded_model import load
    from lmkit.python.record_inputs import clean


__all__ = [
    "CleanConfig",
    "CompletionConfig",
    "DedupConfig",
    "DoctorConfig",
    "EvalConfig",
    "ExportConfig",
    "GenerateConfig",
    "InspectConfig",
    "PackConfig",
    "PipelineConfig",
    "PlanConfig",
    "PretrainConfig",
    "ReportConfig",
    "TrainClassifierConfig",
    "TrainTokenizerConfig",
    "clean",
    "completion",
    "dedup",
    "diagnose",
    "evaluate",
    "export",
    "generate",
    "inspect_folder",
    "load",
    "pack",
    "pipeline",
    "plan",
    "pretrain",
    "report",
    "train_classifier",
    "train_tokenizer",
    "with_plugins",
]


def __getattr__(name: str) -> Any:
    """Import a command when its name is first used: `import lmkit` waits for none."""
    return import_module("lmkit.python.public_names").public(name)


def __dir__() -> list[str]:
    return [*__all__]
