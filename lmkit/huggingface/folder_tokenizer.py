"""The tokenizer of a Transformers folder, and what the model reads around a text.

Choices:
- Fast tokenizers only: tokenizer.json. Other formats need the code of a class, which isn't run.
- Around a text stands what the tokenizer's post-processor adds, as in Transformers, which ignores
  `add_bos_token` where there is a tokenizer.json. So GPT-2 reads no BOS, and Llama does. Of several
  added tokens (XLNet's <sep> and <cls>) the one next to the text is taken.
- A decoder's text ends with EOS, which no post-processor adds: the model was trained to predict it,
  and generation stops there. It is the `eos_token_id` of config.json, null for none; of several,
  the tokenizer's EOS.
- Special tokens are those that the tokenizer's files name; config.json's ids count only where those
  name none, since Transformers has defaults for them that may be ids of other tokenizers. Without
  padding, as in GPT-2, EOS pads: nothing attends to it.
- An encoder-decoder's target begins with `decoder_start_token_id`, for which lmkit has the padding
  token: it is that one here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import CONFIG, HfCheckpoint
from lmkit.huggingface.family import COPY_AGAIN
from lmkit.huggingface.weight_files import read_table
from lmkit.tokenizers.tokenizer import CONFIG as TOKENIZER_CONFIG
from lmkit.tokenizers.tokenizer import TOKENIZER, Tokenizer

DEFAULT_CONTEXT = 2_048
MAX_LENGTH = 10**9
"""Transformers writes a larger `model_max_length` where there is none."""
SAMPLES = ("a", "1", ".", "\u4e00")


@dataclass(frozen=True)
class FolderTokenizer:
    """A tokenizer, and how the model of its folder reads texts."""

    tokenizer: Tokenizer
    bos: int | None
    """Id before a text; None for none."""
    eos: int | None
    """Id after it."""
    context: int
    """Most tokens that the model reads at once."""

    @classmethod
    def of(cls, checkpoint: HfCheckpoint) -> "FolderTokenizer":
        """Read the tokenizer of a model; InputError where it is missing, corrupt or another's."""
        folder, ids = checkpoint.folder, checkpoint.hf_config
        file = tokenizer_file(folder)
        tokenizer = Tokenizer.load(folder)
        if tokenizer.size > checkpoint.vocabulary_size:
            raise InputError(
                f"{folder}: its tokenizer has {tokenizer.size:,} tokens, and by {CONFIG} its model "
                f"has {checkpoint.vocabulary_size:,}: they don't belong together",
                COPY_AGAIN,
            )
        architecture = checkpoint.config.architecture
        _name_special_tokens(tokenizer, ids, architecture)
        bos, eos = _added_tokens(file.read_bytes())
        if architecture == "decoder":
            eos = _end_of_text(tokenizer, ids)
        return cls(tokenizer, bos, eos, context_of(checkpoint))


def tokenizer_file(folder: Path) -> Path:
    """Return the path of a folder's tokenizer; InputError where it has none."""
    if not (folder / TOKENIZER).is_file():
        raise InputError(
            f"{folder}: has no {TOKENIZER}, so its tokens aren't known",
            "AutoTokenizer.from_pretrained(OLD).save_pretrained(NEW) makes one",
        )
    return folder / TOKENIZER


def context_of(checkpoint: HfCheckpoint) -> int:
    """Return the most tokens that a model reads at once, as far as its folder describes it."""
    folder, hf_config = checkpoint.folder, checkpoint.hf_config
    settings: Mapping[str, Any] = {}
    if (folder / TOKENIZER_CONFIG).is_file():
        settings = read_table(folder / TOKENIZER_CONFIG)
    lengths = (
        checkpoint.config.longest,  # learned positions: there are no others
        hf_config.get("max_position_embeddings"),
        settings.get("model_max_length"),
    )
    known = [each for each in lengths if isinstance(each, int) and 0 < each < MAX_LENGTH]
    return known[0] if known else DEFAULT_CONTEXT


def _name_special_tokens(tokenizer: Tokenizer, ids: Mapping[str, Any], architecture: str) -> None:
    """Complete the special tokens that the tokenizer's files don't name."""

    def named(key: str) -> int | None:
        return _id(ids.get(key), tokenizer)

    if tokenizer.eos is None:
        # BOS too only then: lm-evaluation-harness begins texts with EOS where there is no BOS.
        tokenizer.bos = named("bos_token_id") if tokenizer.bos is None else tokenizer.bos
        tokenizer.eos = named("eos_token_id")
    start = named("decoder_start_token_id") if architecture == "encoder-decoder" else None
    candidates = (start, tokenizer.pad, named("pad_token_id"), tokenizer.eos, tokenizer.bos, 0)
    tokenizer.pad = next(token for token in candidates if token is not None)


def _end_of_text(tokenizer: Tokenizer, ids: Mapping[str, Any]) -> int | None:
    if "eos_token_id" not in ids:
        return tokenizer.eos
    given: Any = ids["eos_token_id"]
    if given is None or (isinstance(given, list) and tokenizer.eos not in given):
        return _id(given, tokenizer)
    found = None if isinstance(given, list) else _id(given, tokenizer)
    return tokenizer.eos if found is None else found


def _id(given: Any, tokenizer: Tokenizer) -> int | None:
    """Return an id of config.json, or the first of several; None where it isn't the tokenizer's."""
    first = given[0] if isinstance(given, list) and given else given  # pyright: ignore[reportUnknownVariableType]
    return first if isinstance(first, int) and 0 <= first < tokenizer.size else None


def _added_tokens(data: bytes) -> tuple[int | None, int | None]:
    """Return the ids that the post-processor adds before and after a text, next to it."""
    tokenizer = tokenizers.Tokenizer.from_buffer(data)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for text in SAMPLES:
        plain, full = (tokenizer.encode(text, add_special_tokens=add).ids for add in (False, True))
        starts = range(len(full) - len(plain) + 1 if plain else 0)
        start = next((n for n in starts if full[n : n + len(plain)] == plain), None)
        if start is not None:
            before, after = full[:start], full[start + len(plain) :]
            return (before[-1] if before else None), (after[0] if after else None)
    return None, None
