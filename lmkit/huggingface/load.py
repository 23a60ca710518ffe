"""A folder of Transformers, read: what it is, and its weights under our names.

Choices:
- Safetensors alone. A pickle can run code as it is loaded, so it is refused by name.
- Every tensor must have its place, and every place its tensor, of the right shape: what is left
  over is named. So a folder of another kind with the same words in config.json is noticed.
- Published folders come in more than one spelling: without the family's prefix (gpt2), or with
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
from lmkit.huggingface.family import COPY_AGAIN, WHICH_MODELS, Family, Json
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
    """A model of Transformers on the disk."""

    folder: Path
    family: Family
    config: ModelConfig
    vocabulary_size: int
    """Rows of its embedding; there may be fewer tokens."""

    @classmethod
    def at(cls, folder: Path) -> "HfCheckpoint":
        """Read config.json; InputError where the folder isn't one that lmkit can go on with."""
        place = folder / CONFIG
        given = _json(place)
        family = family_named(given, str(place))
        size = given.get("vocab_size")
        if not isinstance(size, int) or size < 1:
            raise InputError(f"{place}: vocab_size: got {size}, must be a number", COPY_AGAIN)
        return cls(folder, family, family.read(given, str(place)), size)

    @property
    def files(self) -> list[Path]:
        """The files that hold weights."""
        return sorted(set(self._places().values())) if self._is_cut else [self._whole()]

    def weights(self) -> dict[str, Tensor]:
        """Return the weights, in fp32; InputError where they aren't those of such a model."""
        shapes = shapes_of(self.config, self.vocabulary_size)
        rules = rules_of(self.family, self.config, shapes)
        wanted = {rule.theirs: hf_shape(rule, shapes) for rule in rules}
        found = self._read(wanted)
        optional = {rule.theirs for rule in rules if not rule.ours or rule.ours == (QUERY,)}
        if missing := [name for name in wanted if name not in found and name not in optional]:
            raise InputError(
                f"{self.folder}: lacks {_listed(missing)}, which a {self.family.architecture} has",
                COPY_AGAIN,
            )
        for name, tensor in found.items():
            if name in wanted and tuple(tensor.shape) != wanted[name]:
                raise InputError(
                    f"{self.folder}: {name} has the shape {list(tensor.shape)}, and {CONFIG} wants "
                    f"{list(wanted[name])}",
                    COPY_AGAIN,
                )
        self._refuse_what_has_no_place(found, wanted)
        found = {name: tensor.float() for name, tensor in found.items()}
        there = [rule for rule in rules if rule.theirs in found]
        ours = to_lmkit(there, found, shapes)
        if self.family.absorb:
            self.family.absorb(ours, found)
        return ours

    def _refuse_what_has_no_place(
        self, found: Mapping[str, Tensor], wanted: Mapping[str, object]
    ) -> None:
        aliases, ignored = self.family.aliases, self.family.ignored
        astray: list[str] = []
        for name, tensor in found.items():
            if name in wanted or any(re.fullmatch(pattern, name) for pattern in ignored):
                continue
            other = found.get(aliases.get(name, ""))
            if other is None or tensor.shape != other.shape or not tensor.equal(other):
                astray.append(name)
        if astray:
            raise InputError(
                f"{self.folder}: holds {_listed(astray)}, for which lmkit's "
                f"{self.family.model_type} has no place",
                WHICH_MODELS,
            )

    def _read(self, wanted: Mapping[str, object]) -> dict[str, Tensor]:
        """Read all tensors, each under the name that its class has for it."""
        places = self._places() if self._is_cut else None
        found: dict[str, Tensor] = {}
        for file in self.files:
            try:
                with safe_open(file, "pt") as opened:
                    for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                        found[self._spelled(name, wanted)] = opened.get_tensor(name)
            except (SafetensorError, OSError) as error:
                raise InputError(f"{file}: damaged: {error}", COPY_AGAIN) from None
        lost = [name for name in places or () if self._spelled(name, wanted) not in found]
        if lost:
            raise InputError(
                f"{self.folder}: lacks {_listed(lost)}, which {INDEX} lists", COPY_AGAIN
            )
        return found

    def _spelled(self, name: str, wanted: Mapping[str, object]) -> str:
        for old, new in OLD_NAMES.items():
            name = name.replace(old, new)
        longer = self.family.prefix + name
        is_known = name in wanted or name in self.family.aliases
        return longer if not is_known and self._fits(longer, wanted) else name

    def _fits(self, name: str, wanted: Mapping[str, object]) -> bool:
        ignored = any(re.fullmatch(pattern, name) for pattern in self.family.ignored)
        return name in wanted or name in self.family.aliases or ignored

    @property
    def _is_cut(self) -> bool:
        return not (self.folder / WEIGHTS).exists() and (self.folder / INDEX).exists()

    def _places(self) -> dict[str, Path]:
        """Return the file of each tensor, where they are cut in several."""
        table: Any = _json(self.folder / INDEX).get("weight_map")
        damaged = InputError(f"{self.folder / INDEX}: damaged: no weight_map", COPY_AGAIN)
        if not isinstance(table, dict) or not table:
            raise damaged
        places: dict[str, Path] = {}
        for name, file in table.items():  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(name, str) or not isinstance(file, str):
                raise damaged
            if not re.fullmatch(r"[\w.-]+\.safetensors", file):
                raise InputError(
                    f"{self.folder / INDEX}: got {file!r}, must be the name of a .safetensors file "
                    "beside it"
                )
            places[name] = self.folder / file
        if absent := [file.name for file in places.values() if not file.is_file()]:
            raise InputError(f"{self.folder}: lacks {absent[0]}, which {INDEX} lists", COPY_AGAIN)
        return places

    def _whole(self) -> Path:
        file = self.folder / WEIGHTS
        if file.is_file():
            return file
        pickles = sorted(path for pattern in PICKLES for path in self.folder.glob(pattern))
        if pickles:
            raise InputError(
                f"{pickles[0]}: a pickle, which can run code as it is loaded; "
                f"lmkit reads {WEIGHTS}",
                "where you trust it, load it with Transformers and save_pretrained it elsewhere",
            )
        raise InputError(f"{self.folder}: holds no {WEIGHTS}", COPY_AGAIN)


QUERY = "query_vector"
"""Only XLNet has it; elsewhere ours keep what they were drawn with."""


def is_hf_folder(folder: Path) -> bool:
    """Tell a folder of Transformers from others."""
    return (folder / CONFIG).is_file()


def _json(path: Path) -> Json:
    try:
        found: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", COPY_AGAIN) from None
    except ValueError as error:
        raise InputError(f"{path}: damaged: {error}", COPY_AGAIN) from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: damaged: not a table", COPY_AGAIN)
    return found  # pyright: ignore[reportUnknownVariableType]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return names[0] + more
