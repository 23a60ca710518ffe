"""Reading the weights of a Transformers folder, under lmkit's names.

Choices:
- Every tensor must have a parameter, and every parameter a tensor, of the right shape: others are
  reported. So a folder of another model with the same config.json is noticed. Headers suffice for
  that, so it is noticed before anything is read.
- Tensors are read one after the other: beside the model that they go to, memory holds the biggest
  of them, in the file's precision and in fp32, and not the whole file.
- Published folders come with different names: without the family's prefix (gpt2), with LayerNorm's
  old gamma and beta (bert-base-uncased), or with another version's name of a tensor. All are read.
"""

import re
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import CONFIG, HfCheckpoint
from lmkit.huggingface.family import COPY_AGAIN, SUPPORTED_MODELS, Family
from lmkit.huggingface.registry import rules_of
from lmkit.huggingface.weight_conversion import shapes_of, to_lmkit
from lmkit.huggingface.weight_files import TensorHeader, listed, tensor_headers
from lmkit.huggingface.weight_names import Rule, hf_shape

OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
QUERY_VECTOR = "query_vector"
"""Only XLNet has it; in other families it keeps its initial value."""


def weights_of(checkpoint: HfCheckpoint) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights by lmkit's names, in fp32, each as soon as it is read.

    Raises InputError, before the first one, where they aren't those of such a model.
    """
    family = checkpoint.family
    shapes = shapes_of(checkpoint.config, checkpoint.vocabulary_size)
    rules = rules_of(family, checkpoint.config, shapes)
    with ExitStack() as stack:
        tensors = _Tensors(_checked_headers(checkpoint, rules, shapes), stack)
        _refuse_unknown_tensors(checkpoint, tensors, {rule.hf_name for rule in rules})
        for rule in rules:
            if not rule.lmkit_names or rule.hf_name not in tensors.headers:
                continue
            tensor = tensors.read(rule.hf_name).float()
            for name, weight in to_lmkit([rule], {rule.hf_name: tensor}, shapes).items():
                added = family.added_first_rows.get(name, "")
                first_D = tensors.read(added)[0] if added in tensors.headers else None
                # -0 + 0 has other bits.
                yield name, weight + first_D if first_D is not None and first_D.any() else weight


@dataclass(frozen=True)
class _Tensors:
    """The tensors of a folder, under the names of the family's class."""

    headers: Mapping[str, TensorHeader]
    stack: ExitStack
    """Closes the files."""
    opened: dict[Path, Any] = field(default_factory=dict[Path, Any])

    def read(self, name: str) -> Tensor:
        """Read a tensor, in the file's precision."""
        header = self.headers[name]
        try:
            if header.file not in self.opened:
                opened = self.stack.enter_context(safe_open(header.file, "pt"))
                self.opened[header.file] = opened
            return self.opened[header.file].get_tensor(header.name)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{header.file}: corrupt: {error}", COPY_AGAIN) from None


def _checked_headers(
    checkpoint: HfCheckpoint, rules: list[Rule], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, TensorHeader]:
    """Return the headers under the names of the family's class; each has the right shape."""
    folder, family = checkpoint.folder, checkpoint.family
    expected = {rule.hf_name: hf_shape(rule, shapes) for rule in rules}
    headers: dict[str, TensorHeader] = {
        _canonical_name(header.name, family, expected): header for header in tensor_headers(folder)
    }
    optional = {
        rule.hf_name
        for rule in rules
        if not rule.lmkit_names or rule.lmkit_names == (QUERY_VECTOR,)
    }
    if missing := [name for name in expected if name not in headers and name not in optional]:
        raise InputError(
            f"{folder}: has no {listed(missing)}, which a {family.architecture} has",
            _hint_of_other_class(checkpoint) or COPY_AGAIN,
        )
    for name, shape in expected.items():
        if name not in headers:
            continue
        found = headers[name].shape
        if name in family.added_first_rows.values():
            found, shape = found[1:], shape[1:]  # of several rows the first is used
        if found != shape:
            raise InputError(
                f"{folder}: {name} has the shape {list(headers[name].shape)}, but by {CONFIG} it "
                f"must be {list(shape)}",
                COPY_AGAIN,
            )
    return headers


def _hint_of_other_class(checkpoint: HfCheckpoint) -> str | None:
    """Return what to do where a model was saved without its head, such as a BertModel."""
    classes: Any = checkpoint.hf_config.get("architectures")
    expected = checkpoint.family.architecture
    if not isinstance(classes, list) or not classes or expected in classes:
        return None
    return (
        f"it was saved as a {classes[0]}, maybe without the head that predicts tokens: "  # pyright: ignore[reportUnknownVariableType]
        f"save a {expected}"
    )


def _refuse_unknown_tensors(
    checkpoint: HfCheckpoint, tensors: _Tensors, expected: Container[str]
) -> None:
    aliases, ignored = checkpoint.family.aliases, checkpoint.family.ignored
    unknown: list[str] = []
    for name, header in tensors.headers.items():
        if name in expected or any(re.fullmatch(pattern, name) for pattern in ignored):
            continue
        other = aliases.get(name, "")
        is_alias = other in tensors.headers and header.shape == tensors.headers[other].shape
        if not is_alias or not tensors.read(name).equal(tensors.read(other)):
            unknown.append(name)
    if unknown:
        raise InputError(
            f"{checkpoint.folder}: has {listed(unknown)}, which lmkit's "
            f"{checkpoint.family.model_type} doesn't have",
            SUPPORTED_MODELS,
        )


def _canonical_name(name: str, family: Family, expected: Container[str]) -> str:
    """Return the name of a tensor in the family's class."""
    for old, new in OLD_NAMES.items():
        name = name.replace(old, new)
    name = family.renamed.get(name, name)
    with_prefix = family.prefix + name
    is_known = name in expected or name in family.aliases
    return with_prefix if not is_known and _is_known(with_prefix, family, expected) else name


def _is_known(name: str, family: Family, expected: Container[str]) -> bool:
    ignored = any(re.fullmatch(pattern, name) for pattern in family.ignored)
    return name in expected or name in family.aliases or ignored
