"""What a Transformers folder shows, and a folder of `lmkit export`, which is one.

Choices:
- Parameters are counted from the headers of the weights, without torch: tied output matrices, and
  what lmkit ignores (buffers, heads of other tasks), don't count.
- What is missing or damaged is a problem in the list, and the rest is shown; so is a model that
  lmkit can't use.
"""

import re
from collections import Counter
from collections.abc import Sequence
from math import prod
from pathlib import Path

from lmkit.artifacts.manifest import flat
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.folder_kind import FolderKind, Sections
from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import CONFIG, HfCheckpoint, is_hf_folder
from lmkit.huggingface.folder_tokenizer import FolderTokenizer
from lmkit.huggingface.weight_files import TensorHeader, read_table, tensor_headers, weight_files
from lmkit.packing.preview import special_texts
from lmkit.tokenizers.tokenizer import FILES, Tokenizer

TRAINING_ONLY = {"preset", "dropout", "z_loss"}
"""Options that change nothing of a trained model."""


def transformers_sections(folder: Path) -> Sections:
    """Return all sections of a Transformers folder."""
    model = _model_sections(folder)
    problems = model.pop("problems")
    made = {"folder": str(folder), "kind": "a Transformers folder"}
    return {"made": made, **model, "outputs": _file_rows(folder), "problems": problems}


def exported_sections(folder: OpenedFolder) -> Sections:
    """Return what the manifest of an exported folder records, and of a model its sections."""
    found: Sections = {"details": flat(folder.details)}
    if folder.manifest and is_hf_folder(folder.path):
        model = _model_sections(folder.path)
        found |= {"model_problems": model.pop("problems"), **model}
    return found


def _model_sections(folder: Path) -> Sections:
    """Return the architecture, the weights and the tokenizer of a folder, and its problems."""
    problems: list[Sections] = []
    checkpoint, headers, texts = None, list[TensorHeader](), None
    try:
        checkpoint = HfCheckpoint.at(folder)
    except InputError as error:
        problems.append({"text": error.message})
    try:
        headers = tensor_headers(folder)
    except InputError as error:
        problems.append({"text": error.message})
    try:
        texts = FolderTokenizer.of(checkpoint) if checkpoint else None
    except InputError as error:
        problems.append({"text": error.message})
    return {
        "architecture": _architecture(folder, checkpoint),
        "weights": _weights(headers, checkpoint),
        **(_vocabulary(checkpoint, texts) if checkpoint and texts else {}),
        "problems": problems,
    }


def _architecture(folder: Path, checkpoint: HfCheckpoint | None) -> Sections:
    """Return the options of the model; of one that lmkit doesn't know, its config.json."""
    if checkpoint is None:
        try:
            return flat(read_table(folder / CONFIG))
        except InputError:
            return {}  # among the problems
    options = checkpoint.config.model_dump(mode="json", exclude_none=True, exclude=TRAINING_ONLY)
    family = checkpoint.family
    named = {"class": family.architecture, "objective": family.objective}
    return {"model_type": family.model_type, **named, **options}


def _weights(headers: Sequence[TensorHeader], checkpoint: HfCheckpoint | None) -> Sections:
    """Return the number of parameters, and their types and size in the files."""
    if not headers:
        return {}
    counted = [each for each in headers if checkpoint is None or _counts(each.name, checkpoint)]
    types: Counter[str] = Counter()
    for header in counted:
        types[header.dtype] += prod(header.shape)
    files = {header.file for header in headers}
    return {
        "parameters": types.total(),
        "dtype": next(iter(types)) if len(types) == 1 else dict(sorted(types.items())),
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
    }


def _counts(name: str, checkpoint: HfCheckpoint) -> bool:
    """Return whether a tensor is a parameter that lmkit's model has, and not a tied one."""
    family = checkpoint.family
    names = (name, family.prefix + name)
    is_tied = checkpoint.config.tie_embeddings and any(each in family.aliases for each in names)
    patterns = family.ignored
    is_ignored = any(re.fullmatch(pattern, each) for pattern in patterns for each in names)
    return not is_tied and not is_ignored


def _vocabulary(checkpoint: HfCheckpoint, texts: FolderTokenizer) -> Sections:
    tokenizer = texts.tokenizer
    rows = {"embedding_rows": checkpoint.vocabulary_size, "tokens": tokenizer.size}
    roles = {
        "bos": tokenizer.bos,
        "eos": tokenizer.eos,
        "pad": tokenizer.pad,
        "unknown": tokenizer.unknown,
        "mask": tokenizer.mask,
    }
    return {
        "vocabulary": {**rows, "unused_rows": checkpoint.vocabulary_size - tokenizer.size},
        "context": {"tokens": texts.context},
        "tokenizer": {
            "algorithm": tokenizer.algorithm,
            **{role: _token(tokenizer, number) for role, number in roles.items()},
            "before_a_text": _token(tokenizer, texts.bos),
            "after_a_text": _token(tokenizer, texts.eos),
            "sentinels": len(tokenizer.sentinels),
            "fingerprint": tokenizer.fingerprint,
        },
        "special_tokens": [{"text": " ".join(special_texts(tokenizer))}],
    }


def _token(tokenizer: Tokenizer, number: int | None) -> str | None:
    return None if number is None else f"{tokenizer.text_of(number)} ({number})"


def _file_rows(folder: Path) -> list[Sections]:
    """Return the files that make the model; those that are missing are among the problems."""
    try:
        files = weight_files(folder)
    except InputError:
        files = []
    others = [folder / name for name in (CONFIG, *FILES) if (folder / name).is_file()]
    return [
        {"name": file.name, "files": 1, "bytes": file.stat().st_size} for file in [*files, *others]
    ]


EXPORTED = FolderKind(exported_sections)
