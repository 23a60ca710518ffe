"""A Transformers folder: its family and its options, read from its config.json.

Nothing here needs torch, nor reads a weight: `load` does.
"""

from dataclasses import dataclass
from pathlib import Path

from lmkit.errors import InputError
from lmkit.huggingface.family import COPY_AGAIN, Family, Json
from lmkit.huggingface.registry import family_named
from lmkit.huggingface.weight_files import read_table, tensor_headers, weight_files
from lmkit.model.options import ModelConfig

CONFIG = "config.json"


@dataclass(frozen=True)
class HfCheckpoint:
    """A Transformers model on disk."""

    folder: Path
    family: Family
    config: ModelConfig
    vocabulary_size: int
    """Rows of its embedding; there may be fewer tokens."""
    hf_config: Json
    """The content of config.json."""

    @classmethod
    def at(cls, folder: Path) -> "HfCheckpoint":
        """Read config.json; InputError where the folder isn't a model that lmkit supports."""
        path = folder / CONFIG
        given = read_table(path)
        family = family_named(given, str(path))
        size = given.get("vocab_size")
        if not isinstance(size, int) or size < 1:
            raise InputError(f"{path}: vocab_size: got {size}, must be a number", COPY_AGAIN)
        config = family.read(given, str(path))
        if config.tie_embeddings and config.output_scale == 1 and _has(folder, family.untied_head):
            config = config.model_copy(update={"tie_embeddings": False})
        return cls(folder, family, config, size, given)

    @property
    def files(self) -> list[Path]:
        """The files that contain weights."""
        return weight_files(self.folder)


def _has(folder: Path, tensor: str) -> bool:
    """Return whether a tensor is in the files; not where they can't be read, which `load` reports.

    An empty name is in none.
    """
    try:
        return bool(tensor) and any(each.name == tensor for each in tensor_headers(folder))
    except InputError:
        return False


def is_hf_folder(folder: Path) -> bool:
    """Return whether a folder contains a Transformers model."""
    return (folder / CONFIG).is_file()
