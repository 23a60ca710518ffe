"""An input as plans and manifests record it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """A raw file or a finished folder that was read."""

    path: str
    source: str
    """The label of its documents, unless their records have one."""
    bytes: int
    origin: str = ""
    """The path below the input argument."""
    modified: int | None = None
    """Nanoseconds since 1970; none for a finished folder."""
    sha256: tuple[str, ...] = ()
    """Of the file, or of its ranges; for a folder, its fingerprint. Empty before it was read."""

    @property
    def identity(self) -> tuple[str, str]:
        """What doesn't change when everything is moved."""
        return self.source, self.origin
