"""What can be set for `lmkit eval`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lmkit.artifacts.options import QUARANTINE_FILES
from lmkit.config import POSITIONAL, FolderConfig


class EvalConfig(FolderConfig):
    """Measure perplexity and bits per byte of a run on held-out text."""

    stage = "eval"
    owns = (r"scores\.json", QUARANTINE_FILES)
    places = FolderConfig.places | {"run", "data"}

    run: Annotated[Path, POSITIONAL]
    """Folder of a run (its best checkpoint, else its latest), or of one checkpoint."""

    data: Path
    """A packed folder, whose held-out rows are read; or documents: a folder, or a .jsonl file."""

    output: Path | None = None
    """Folder to write scores.json to; none: only print."""

    micro_batch: Annotated[Annotated[int, Field(ge=1)] | None, Field(exclude=True)] = None
    """Rows to compute at a time; none: about 16,384 tokens. It changes no result."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """How products are computed."""

    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Field(exclude=True)] = "auto"
    """Where to compute; auto takes a GPU if there is one."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are left out, aloud."""

    workers: Annotated[int, Field(ge=1, exclude=True)] = 1
    """Has no effect: one process computes. Here as in every other stage."""

    seed: Annotated[int, Field(exclude=True)] = 0
    """Has no effect: what is random has a fixed seed. Here as in every other stage."""
