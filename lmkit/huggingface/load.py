"""Reading a Transformers folder: its family and options, and its weights under lmkit's names.

Choices:
- Safetensors only. A pickle can run code when it is loaded, so it is refused.
- Every tensor must have a parameter, and every parameter a tensor, of the right shape: others are
  reported. So a folder of another model with the same config.json is noticed.
- Published folders come with different names: without the family's prefix (gpt2), or with
  LayerNorm's old gamma and beta (bert-base-uncased). Both are read.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from lmkit.errors import InputError
from lmkit.huggingface.family import COPY_AGAIN, SUPPORTED_MODELS, Family, Json
from lmkit.huggingface.registry import family_named, rules_of, shapes_of
from lmkit.huggingface.weight_names import hf_shape, to_lmkit
from lmkit.model.options import ModelConfig

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


@dataclass(frozen=True)
class HfCheckpoint:
    """A Transformers model on disk."""

    folder: Path
    family: Family
    config: ModelConfig
    vocabulary_size: int
    """Rows of its embedding; there may be fewer tokens."""

    @classmethod
    def at(cls, folder: Path) -> "HfCheckpoint":
        """Read config.json; InputError where the folder isn't a model that lmkit supports."""
        path = folder / CONFIG
        given = _json(path)
        family = family_named(given, str(path))
        size = given.get("vocab_size")
        if not isinstance(size, int) or size < 1:
            raise InputError(f"{path}: vocab_size: got {size}, must be a number", COPY_AGAIN)
        return cls(folder, family, family.read(given, str(path)), size)

    @property
    def files(self) -> list[Path]:
        """The files that contain weights."""
        return (
            sorted(set(self._files_by_tensor().values()))
            if self._is_sharded
            else [self._single_file()]
        )

    def weights(self) -> dict[str, Tensor]:
        """Return the weights, in fp32; InputError where they aren't those of such a model."""
        shapes = shapes_of(self.config, self.vocabulary_size)
        rules = rules_of(self.family, self.config, shapes)
        expected = {rule.hf_name: hf_shape(rule, shapes) for rule in rules}
        tensors = self._read(expected)
        optional = {
            rule.hf_name
            for rule in rules
            if not rule.lmkit_names or rule.lmkit_names == (QUERY_VECTOR,)
        }
        if missing := [name for name in expected if name not in tensors and name not in optional]:
            raise InputError(
                f"{self.folder}: has no {_listed(missing)}, which a {self.family.architecture} has",
                COPY_AGAIN,
            )
        for name, tensor in tensors.items():
            if name in expected and tuple(tensor.shape) != expected[name]:
                raise InputError(
                    f"{self.folder}: {name} has the shape {list(tensor.shape)}, but by {CONFIG} it "
                    f"must be {list(expected[name])}",
                    COPY_AGAIN,
                )
        self._refuse_unknown_tensors(tensors, expected)
        tensors = {name: tensor.float() for name, tensor in tensors.items()}
        present = [rule for rule in rules if rule.hf_name in tensors]
        weights = to_lmkit(present, tensors, shapes)
        if self.family.merge_extra_weights:
            self.family.merge_extra_weights(weights, tensors)
        return weights

    def _refuse_unknown_tensors(
        self, tensors: Mapping[str, Tensor], expected: Mapping[str, object]
    ) -> None:
        aliases, ignored = self.family.aliases, self.family.ignored
        unknown: list[str] = []
        for name, tensor in tensors.items():
            if name in expected or any(re.fullmatch(pattern, name) for pattern in ignored):
                continue
            other = tensors.get(aliases.get(name, ""))
            if other is None or tensor.shape != other.shape or not tensor.equal(other):
                unknown.append(name)
        if unknown:
            raise InputError(
                f"{self.folder}: has {_listed(unknown)}, which lmkit's "
                f"{self.family.model_type} doesn't have",
                SUPPORTED_MODELS,
            )

    def _read(self, expected: Mapping[str, object]) -> dict[str, Tensor]:
        """Read all tensors, under the names of the family's class."""
        files_by_tensor = self._files_by_tensor() if self._is_sharded else None
        tensors: dict[str, Tensor] = {}
        for file in self.files:
            try:
                with safe_open(file, "pt") as opened:
                    for name in opened.keys():  # noqa: SIM118 (it isn't a mapping)
                        tensors[self._canonical_name(name, expected)] = opened.get_tensor(name)
            except (SafetensorError, OSError) as error:
                raise InputError(f"{file}: corrupt: {error}", COPY_AGAIN) from None
        missing = [
            name
            for name in files_by_tensor or ()
            if self._canonical_name(name, expected) not in tensors
        ]
        if missing:
            raise InputError(
                f"{self.folder}: has no {_listed(missing)}, which {INDEX} lists", COPY_AGAIN
            )
        return tensors

    def _canonical_name(self, name: str, expected: Mapping[str, object]) -> str:
        for old, new in OLD_NAMES.items():
            name = name.replace(old, new)
        with_prefix = self.family.prefix + name
        is_known = name in expected or name in self.family.aliases
        return with_prefix if not is_known and self._is_known(with_prefix, expected) else name

    def _is_known(self, name: str, expected: Mapping[str, object]) -> bool:
        ignored = any(re.fullmatch(pattern, name) for pattern in self.family.ignored)
        return name in expected or name in self.family.aliases or ignored

    @property
    def _is_sharded(self) -> bool:
        return not (self.folder / WEIGHTS).exists() and (self.folder / INDEX).exists()

    def _files_by_tensor(self) -> dict[str, Path]:
        """Return the file of each tensor of a sharded checkpoint."""
        table: Any = _json(self.folder / INDEX).get("weight_map")
        corrupt = InputError(f"{self.folder / INDEX}: corrupt: no weight_map", COPY_AGAIN)
        if not isinstance(table, dict) or not table:
            raise corrupt
        files_by_tensor: dict[str, Path] = {}
        for name, file in table.items():  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(name, str) or not isinstance(file, str):
                raise corrupt
            if not re.fullmatch(r"[\w.-]+\.safetensors", file):
                raise InputError(
                    f"{self.folder / INDEX}: got {file!r}, must be the name of a .safetensors file "
                    "in the same folder"
                )
            files_by_tensor[name] = self.folder / file
        if missing_files := [file.name for file in files_by_tensor.values() if not file.is_file()]:
            raise InputError(
                f"{self.folder}: has no {missing_files[0]}, which {INDEX} lists", COPY_AGAIN
            )
        return files_by_tensor

    def _single_file(self) -> Path:
        file = self.folder / WEIGHTS
        if file.is_file():
            return file
        pickles = sorted(path for pattern in PICKLES for path in self.folder.glob(pattern))
        if pickles:
            raise InputError(
                f"{pickles[0]}: a pickle, which can run code when it is loaded; "
                f"lmkit reads {WEIGHTS}",
                "if you trust it, load it with Transformers and save it with save_pretrained",
            )
        raise InputError(f"{self.folder}: has no {WEIGHTS}", COPY_AGAIN)


QUERY_VECTOR = "query_vector"
"""Only XLNet has it; in other families it keeps its initial value."""


def is_hf_folder(folder: Path) -> bool:
    """Return whether a folder contains a Transformers model."""
    return (folder / CONFIG).is_file()


def _json(path: Path) -> Json:
    try:
        content: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", COPY_AGAIN) from None
    except ValueError as error:
        raise InputError(f"{path}: corrupt: {error}", COPY_AGAIN) from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: corrupt: not a table", COPY_AGAIN)
    return content  # pyright: ignore[reportUnknownVariableType]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return names[0] + more
