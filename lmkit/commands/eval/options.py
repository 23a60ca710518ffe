"""What can be set for `lmkit eval`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lmkit.artifacts.options import QUARANTINE_FILES, ReadsRecords
from lmkit.config import POSITIONAL, FolderConfig
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.execution.options import ComputesOn


def _several(value: object) -> object:
    """Take one path, or none, as manifests of earlier versions have it."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str | Path) else value


class EvalConfig(TaskOptions, ComputesOn, ReadsRecords, FolderConfig):
    """Measure perplexity and bits per byte of a run on held-out text, and its scores on tasks."""

    stage = "eval"
    example = "lmkit eval work/run --data work/packed --task arc_easy.jsonl --output work/eval"
    output_patterns = (
        r"(scores|lm-eval)\.json",
        r"answers-\d{5,}\.jsonl\.zst",
        QUARANTINE_FILES,
    )
    location_options = FolderConfig.location_options | {"run", "data", "task", "device"}

    run: Annotated[Path, POSITIONAL]
    """Run (its best checkpoint, else its latest), one checkpoint, or a Transformers folder."""

    data: Annotated[tuple[Path, ...], BeforeValidator(_several)] = ()
    """Packed folder, whose held-out sequences are scored; or documents: a folder, or a .jsonl
    file. Repeat it for several: each source has its own score."""

    output: Path | None = None
    """Folder to write scores.json and the answers to tasks to; none: only print."""

    micro_batch: Annotated[Annotated[int, Field(ge=1)] | None, Field(exclude=True)] = None
    """Sequences to compute at a time; none: about 16,384 tokens, of tasks 1,024 on a CPU. It
    changes no result."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of matrix products."""
