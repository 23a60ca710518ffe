"""The files with the weights of a Transformers folder, and what their headers list.

Choices:
- Safetensors only. A pickle can run code when it is loaded, so it is refused.
- One file, or several with an index, as `save_pretrained` writes a big model.
- Headers alone are read here: names, shapes and types of all tensors, for which neither torch nor
  memory is needed. A file that is shorter than its header lists is corrupt.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from lmkit.errors import InputError
from lmkit.huggingface.family import COPY_AGAIN, Json
from lmkit.storage.json_bytes import read_object

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class TensorHeader(NamedTuple):
    """A tensor in a file."""

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: str
    """As safetensors names it: F32, BF16."""


def weight_files(folder: Path) -> list[Path]:
    """Return the files that contain weights; InputError where there are none."""
    if is_sharded(folder):
        return sorted(set(_files_by_tensor(folder).values()))
    return [_single_file(folder)]


def tensor_headers(folder: Path) -> list[TensorHeader]:
    """Return all tensors of a folder; InputError where a file is corrupt, or a tensor missing."""
    headers: list[TensorHeader] = []
    for file in weight_files(folder):
        try:
            with safe_open(file, "np") as opened:
                for name in opened.keys():  # noqa: SIM118 (it isn't a mapping)
                    part = opened.get_slice(name)
                    shape = tuple(part.get_shape())
                    headers.append(TensorHeader(file, name, shape, part.get_dtype()))
        except (SafetensorError, OSError) as error:
            raise InputError(f"{file}: corrupt: {error}", COPY_AGAIN) from None
    found = {header.name for header in headers}
    indexed = _files_by_tensor(folder) if is_sharded(folder) else {}
    if missing := [name for name in indexed if name not in found]:
        raise InputError(f"{folder}: has no {listed(missing)}, which {INDEX} lists", COPY_AGAIN)
    return headers


def is_sharded(folder: Path) -> bool:
    """Return whether the weights are in several files, which an index lists."""
    return not (folder / WEIGHTS).exists() and (folder / INDEX).exists()


def _files_by_tensor(folder: Path) -> dict[str, Path]:
    """Return the file of each tensor of a sharded checkpoint."""
    table: Any = read_table(folder / INDEX).get("weight_map")
    corrupt = InputError(f"{folder / INDEX}: corrupt: no weight_map", COPY_AGAIN)
    if not isinstance(table, dict) or not table:
        raise corrupt
    files_by_tensor: dict[str, Path] = {}
    for name, file in table.items():  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(name, str) or not isinstance(file, str):
            raise corrupt
        if not re.fullmatch(r"[\w.-]+\.safetensors", file):
            raise InputError(
                f"{folder / INDEX}: got {file!r}, must be the name of a .safetensors file "
                "in the same folder"
            )
        files_by_tensor[name] = folder / file
    if missing_files := [file.name for file in files_by_tensor.values() if not file.is_file()]:
        raise InputError(f"{folder}: has no {missing_files[0]}, which {INDEX} lists", COPY_AGAIN)
    return files_by_tensor


def _single_file(folder: Path) -> Path:
    file = folder / WEIGHTS
    if file.is_file():
        return file
    pickles = sorted(path for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        raise InputError(
            f"{pickles[0]}: a pickle, which can run code when it is loaded; lmkit reads {WEIGHTS}",
            "if you trust it, load it with Transformers and save it with save_pretrained",
        )
    raise InputError(f"{folder}: has no {WEIGHTS}", COPY_AGAIN)


def read_table(path: Path) -> Json:
    """Read a JSON object; InputError where it is missing or corrupt."""
    try:
        return read_object(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", COPY_AGAIN) from None
    except ValueError as error:
        raise InputError(f"{path}: corrupt: {error}", COPY_AGAIN) from None


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, and the number of the others.

    >>> listed(["a", "b", "c"])
    'a and 2 more'
    """
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return names[0] + more
