"""What a part of the diagnosis finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """What is diagnosed."""

    folder: Path
    """Whose disk is measured."""
    measures: bool
    """Whether to measure speeds, which takes some seconds."""


@dataclass(frozen=True)
class Finding:
    """Facts about a part of the machine, and what would make it faster."""

    facts: dict[str, Any] | Sequence[dict[str, Any]]
    advice: list[str] = field(default_factory=list[str])
    """Sentences; each says what to do, and what for."""
