"""Import of an existing tokenizer, and its missing special tokens.

Choices:
- tokenizer.json is copied unchanged, byte for byte: its ids must remain those of the model that it
  belongs to.
- Special tokens that an objective needs and the tokenizer does not have are named, and added only
  on request: after all existing tokens, so that no id changes.
- A folder without tokenizer.json holds a tokenizer in one of many older formats; Transformers reads
  all of them, and saves any of them as tokenizer.json.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tokenizers

from lmkit.errors import InputError
from lmkit.storage.json_bytes import read_object
from lmkit.tokenizers.special_tokens import FILL_IN_THE_MIDDLE, ROLES, SENTINELS, sentinel
from lmkit.tokenizers.tokenizer import (
    CONFIG,
    SPECIAL_TOKENS,
    TOKENIZER,
    TRANSFORMERS_ROLES,
    Tokenizer,
    guessed_roles,
    named_roles,
)


def import_tokenizer(
    path: Path, *, add_missing: bool, sentinels: int = SENTINELS
) -> dict[str, bytes]:
    """Return the files of a tokenizer's folder, by name, for a folder or a tokenizer.json.

    Args:
        path: the tokenizer to import.
        add_missing: add the special tokens that `missing_special_tokens_of` would name.
        sentinels: the number of sentinels to add if there are none.

    """
    if path.is_dir() and not (path / TOKENIZER).exists():
        raise InputError(
            f"--from: {path} holds no {TOKENIZER}",
            "convert it with Transformers: AutoTokenizer.from_pretrained(OLD).save_pretrained(NEW)",
        )
    tokenizer = Tokenizer.load(path)
    data = (path / TOKENIZER if path.is_dir() else path).read_bytes()
    folder = path if path.is_dir() else path.parent
    roles = named_roles(folder) or guessed_roles(data)
    if not add_missing or not (added := missing_tokens(tokenizer, sentinels)):
        return {TOKENIZER: data} | _configuration(folder, roles, [])
    bigger = tokenizers.Tokenizer.from_buffer(data)
    bigger.add_special_tokens(
        [tokenizers.AddedToken(text, special=True, normalized=False) for text in added]
    )
    for role, text in ROLES.items():
        if text in added:
            roles[role] = text
    return {TOKENIZER: bigger.to_str(pretty=True).encode()} | _configuration(folder, roles, added)


def missing_tokens(tokenizer: Tokenizer, sentinels: int = SENTINELS) -> list[str]:
    """Return the special tokens that some objective or stage needs and that are missing.

    BOS and EOS are not missing if a class and a separator token can serve as them.
    """
    present = {
        "pad": tokenizer.pad,
        "begin": tokenizer.bos,
        "end": tokenizer.eos,
        "mask": tokenizer.mask,
    }
    missing = [ROLES[role] for role, number in present.items() if number is None]
    missing += [text for text in FILL_IN_THE_MIDDLE if tokenizer.id_of(text) is None]
    if not tokenizer.sentinels:
        missing += [sentinel(number) for number in reversed(range(sentinels))]
    return missing


def missing_special_tokens_of(tokenizer: Tokenizer) -> list[str]:
    """Describe the missing special tokens of a tokenizer, and what needs them.

    >>> from lmkit.tokenizers.recipe import Recipe
    >>> from lmkit.tokenizers.build import train
    >>> made = train(["a"], Recipe("byte", sentinels=0)).to_str().encode()
    >>> missing_special_tokens_of(Tokenizer(made, ROLES))
    ['span corruption needs <extra_id_0>, <extra_id_1>, ...']
    """
    return list(_needs(tokenizer))


def _needs(tokenizer: Tokenizer) -> Iterator[str]:
    if tokenizer.pad is None:
        yield "pack needs a padding token"
    if tokenizer.bos is None:
        yield "pack needs a begin token (or --no-bos)"
    if tokenizer.eos is None:
        yield "pack needs an end token (or --no-eos), span corruption needs it too"
    if tokenizer.mask is None:
        yield "mlm needs a mask token"
    if not tokenizer.sentinels:
        yield "span corruption needs <extra_id_0>, <extra_id_1>, ..."
    if any(tokenizer.id_of(text) is None for text in FILL_IN_THE_MIDDLE):
        yield f"fill-in-the-middle needs {', '.join(FILL_IN_THE_MIDDLE)}"


def _configuration(folder: Path, roles: Mapping[str, str], added: list[str]) -> dict[str, bytes]:
    """Return the files next to tokenizer.json; existing ones are kept and completed."""
    found: dict[str, dict[str, Any]] = {
        name: read_object(folder / name)
        for name in (CONFIG, SPECIAL_TOKENS)
        if (folder / name).exists()
    }
    if not added and CONFIG in found and named_roles(folder):
        return {name: (folder / name).read_bytes() for name in found}
    texts = {TRANSFORMERS_ROLES[role]: text for role, text in roles.items()}
    others = [text for text in added if text not in texts.values()]
    defaults = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    configuration: dict[str, Any] = defaults | found.get(CONFIG, {}) | texts
    special: dict[str, Any] = found.get(SPECIAL_TOKENS, {}) | texts
    for table in (configuration, special):
        if others:
            previous: list[Any] = table.get("additional_special_tokens") or []
            table["additional_special_tokens"] = [*previous, *others]
    return {
        name: (json.dumps(table, indent=2, ensure_ascii=False) + "\n").encode()
        for name, table in ((CONFIG, configuration), (SPECIAL_TOKENS, special))
    }
