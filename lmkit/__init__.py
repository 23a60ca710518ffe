"""From raw text to a pre-trained language model that you can trust, one command per step.

Every command is also a function. `lmkit clean raw/ --output work/clean` is

    lmkit.clean(lmkit.CleanConfig(inputs=(Path("raw"),), output=Path("work/clean")))
"""

from lmkit.stages.clean import CleanConfig, clean
from lmkit.stages.dedup import DedupConfig, dedup

__all__ = ["CleanConfig", "DedupConfig", "clean", "dedup"]
