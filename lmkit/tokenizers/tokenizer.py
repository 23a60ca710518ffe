"""A tokenizer as the later stages use it, and its folder.

Choices:
- Text is text. A document that contains `</s>` gives the tokens of those four characters, never the
  control token: otherwise a web page could end a document, or hide a document boundary. What is not
  text (BOS, EOS, mask, ...) is added by id. Some models (T5's, for example) find control tokens in
  text in any case; such a text is encoded without those entries of the vocabulary.
- The same holds for `<unk>`, which WikiText and the Penn Treebank are full of: what the vocabulary
  lacks gives the unknown token, its name never does.
- The folder loads with `tokenizers` and with Transformers' AutoTokenizer. There special tokens are
  recognized in text, as is usual there, and BOS and EOS are added.
- Roles are read from the folder's two JSON files, else guessed from well-known names. A class or
  separator token serves as BOS or EOS if there is no other: BERT has nothing else, and WordPiece
  trained here has neither.
- Once there is much text, fastokens encodes it, if it is proven to give the same ids
  (`encoder_choice.py`).
- Tokenizers are compared by a SHA-256 of tokenizer.json and the roles: everything that determines
  an id.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import models

from lmkit.errors import InputError
from lmkit.storage.json_bytes import read_object
from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.encoder_choice import TextEncoder, encode_with_tokenizers
from lmkit.tokenizers.fast_encoder import Ids
from lmkit.tokenizers.library_failures import is_failure, named, problem_of
from lmkit.tokenizers.special_tokens import BERT_ROLES, FILL_IN_THE_MIDDLE, ROLES, sentinel

ENCODING = frozenset({"model", "normalizer", "pre_tokenizer", "added_tokens"})
"""Parts of a tokenizer.json on which the ids of a text depend."""
TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
FILES = (TOKENIZER, CONFIG, SPECIAL_TOKENS)

TRANSFORMERS_ROLES = {
    "pad": "pad_token",
    "unknown": "unk_token",
    "begin": "bos_token",
    "end": "eos_token",
    "mask": "mask_token",
    "class": "cls_token",
    "separator": "sep_token",
}
"""The names of the roles in Transformers."""

WELL_KNOWN = {
    "pad": ("<pad>", "[PAD]", "<|pad|>", "<|padding|>"),
    "unknown": ("<unk>", "[UNK]"),
    "begin": ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<|endoftext|>"),
    "end": ("</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"),
    "mask": ("<mask>", "[MASK]"),
    "class": ("<cls>", "[CLS]"),
    "separator": ("<sep>", "[SEP]"),
}
"""Tokens with these roles in published models, lmkit's first."""
MOST_IDS = 20_000_000
"""Tables have an entry for each id, and published tokenizers have a million at most."""
NOT_IN_TEXT = "\U0010ffff"
"""A noncharacter."""


class Tokenizer:
    """Encodes text as ids, and decodes ids.

    `texts` are the tokens by role (the keys of ROLES); a role may be missing.
    """

    def __init__(self, data: bytes, texts: Mapping[str, str]) -> None:
        self._data = data
        self._texts = dict(texts)
        self._tokenizer = tokenizers.Tokenizer.from_buffer(data)
        self._tokenizer.encode_special_tokens = True  # stored neither in the file nor in a pickle
        self._tokenizer.no_truncation()  # a file may enable either, and both would change texts
        self._tokenizer.no_padding()
        self.encoder = TextEncoder(self._tokenizer, data)
        ids = {role: self._tokenizer.token_to_id(text) for role, text in texts.items()}

        self.size: int = max(self._tokenizer.get_vocab().values()) + 1
        if self.size > MOST_IDS:
            raise ValueError(f"its ids go up to {self.size - 1:,}")
        roles = json.dumps(sorted(texts.items())).encode()
        self.fingerprint = hashlib.sha256(data + roles).hexdigest()
        self.pad: int | None = ids.get("pad")
        self.unknown: int | None = ids.get("unknown")
        self.mask: int | None = ids.get("mask")
        self.class_: int | None = ids.get("class")
        self.separator: int | None = ids.get("separator")
        self.bos: int | None = _first(ids.get("begin"), self.class_)
        self.eos: int | None = _first(ids.get("end"), self.separator)

    @classmethod
    def load(cls, location: Path) -> "Tokenizer":
        """Read a tokenizer's folder, or a single tokenizer.json.

        Raises InputError naming a file that is missing or damaged.
        """
        path = location if location.is_file() else location / TOKENIZER
        hint = "give a folder that lmkit train-tokenizer wrote"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot read it: {error.strerror}", hint) from None
        try:
            return cls(data, named_roles(path.parent) or guessed_roles(data))
        except InputError:
            raise
        except BaseException as error:  # the library raises nothing more precise
            if not is_failure(error):
                raise
            raise InputError(f"{path}: not a tokenizer: {problem_of(error)}", hint) from None

    def __reduce__(self) -> tuple[type["Tokenizer"], tuple[bytes, dict[str, str]]]:
        return Tokenizer, (self._data, self._texts)

    def encodes_as(self, other: "Tokenizer") -> bool:
        """Whether another tokenizer gives every text the same ids.

        They may differ in what surrounds a text, in padding, and in how ids become text again, as
        those of a run and of its export do.
        """
        one, its = (
            {name: value for name, value in json.loads(each._data).items() if name in ENCODING}
            for each in (self, other)
        )
        return one == its

    @property
    def algorithm(self) -> str:
        """The kind of model: bpe, wordpiece, unigram or wordlevel."""
        return type(self._tokenizer.model).__name__.lower()

    @cached_property
    def special(self) -> NDArray[np.int64]:
        """The ids of all special tokens, ascending."""
        added = self._tokenizer.get_added_tokens_decoder()
        return np.array(
            sorted(number for number, token in added.items() if token.special), np.int64
        )

    @property
    def vocabulary(self) -> dict[str, int]:
        """The ids of all tokens, by their form in the vocabulary."""
        return self._tokenizer.get_vocab()

    @property
    def stored(self) -> dict[str, Any]:
        """The content of tokenizer.json."""
        return json.loads(self._data)

    @cached_property
    def sentinels(self) -> tuple[int, ...]:
        """The ids of the tokens that replace the first, second, ... span of a document."""
        ids: list[int] = []
        while (found := self.id_of(sentinel(len(ids)))) is not None:
            ids.append(found)
        return tuple(ids)

    def encode_batch(self, texts: list[str]) -> list[Ids]:
        """Return the ids of the texts, with nothing added; lone surrogates become U+FFFD."""
        texts = [well_formed(text) for text in texts]
        return self._as_text(texts, self.encoder.encode_batch(texts))

    def encode_with_tokenizers(self, texts: list[str]) -> list[Ids]:
        """Return what `encode_batch` must return, whichever library encodes there."""
        texts = [well_formed(text) for text in texts]
        return self._as_text(texts, encode_with_tokenizers(self._tokenizer, texts))

    def _as_text(self, texts: list[str], found: list[Ids]) -> list[Ids]:
        """Replace the ids of texts in which the model has found control tokens."""
        if not found or not self._is_suspect[np.concatenate(found)].any():
            return found
        for number, ids in enumerate(found):
            if self._is_control[ids].any() or self._may_name_unknown(ids, texts[number]):
                found[number] = self._encode_without_control(texts[number])
        return found

    def _encode_without_control(self, text: str) -> Ids:
        """Encode a text in which the model has found control tokens."""
        if self._text_only is not None:
            (ids,) = encode_with_tokenizers(self._text_only, [text])
            if not self._is_control[ids].any():
                return ids
        return self._encode_in_parts(text)

    @cached_property
    def _text_only(self) -> tokenizers.Tokenizer | None:
        """The tokenizer without the entries of control tokens; None if they can't be left out."""
        hidden = set(np.flatnonzero(self._is_control).tolist()) | {self.unknown}
        stored = self.stored
        model, added = stored["model"], stored["added_tokens"]
        stored["added_tokens"] = [token for token in added if token["id"] not in hidden]
        if isinstance(self._tokenizer.model, models.Unigram):
            # The ids of the others must stay, so the entries get names that no text holds.
            model["vocab"] = [
                [f"{NOT_IN_TEXT}{number}", score] if number in hidden else [piece, score]
                for number, (piece, score) in enumerate(model["vocab"])
            ]
        elif isinstance(self._tokenizer.model, models.BPE):
            names = {name for name, number in model["vocab"].items() if number in hidden}
            model["vocab"] = {
                name: number
                for name, number in model["vocab"].items()
                if name not in names or name == model["unk_token"]
            }
            pairs = (
                merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]
            )
            model["merges"] = [[a, b] for a, b in pairs if names.isdisjoint((a, b, a + b))]
        else:
            return None
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(stored))
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _encode_in_parts(self, text: str) -> Ids:
        """Encode a text whose control tokens are split, so that their entries don't match."""
        edges = [0, *(match.start() + 1 for match in self._control_texts.finditer(text)), len(text)]
        for parts in ([text[a:b] for a, b in pairwise(edges)], list(text)):
            ids = np.concatenate([np.empty(0, np.uint32), *self.encoder.encode_batch(parts)])
            if not self._is_control[ids].any():
                return ids
        name = self.text_of(int(ids[self._is_control[ids]][0]))
        raise InputError(
            f"the tokenizer reads plain text as its control token {name}",
            "give it a control token that is longer than a character",
        )

    @cached_property
    def _is_control(self) -> NDArray[np.bool_]:
        """A mask of the ids that no text may be encoded as."""
        table = np.zeros(self.size, np.bool_)
        table[self.special] = True
        for text in self._texts.values():
            # A single character that also serves as padding, for example, is still text.
            if (number := self.id_of(text)) is not None and len(text) > 1:
                table[number] = True
        if self.unknown is not None:
            table[self.unknown] = not self._lacks_words
        return table

    @cached_property
    def _is_suspect(self) -> NDArray[np.bool_]:
        """A mask of the ids that may not come from the text, or from the name of the unknown."""
        table = self._is_control.copy()
        if self.unknown is not None:
            table[self.unknown] = True
        return table

    @cached_property
    def _lacks_words(self) -> bool:
        """Whether the model gives the unknown token for what its vocabulary lacks."""
        model = self.stored["model"]
        return any(model.get(name) is not None for name in ("unk_token", "unk_id"))

    def _may_name_unknown(self, ids: NDArray[np.uint32], text: str) -> bool:
        """Return whether the unknown token in a text may be due to its name in the text.

        Vocabularies of words return the name as it was.
        """
        if self.unknown is None or self._is_by_words or not (ids == self.unknown).any():
            return False
        return (self.text_of(self.unknown) or "").lower() in text.lower()

    @property
    def _is_by_words(self) -> bool:
        return isinstance(self._tokenizer.model, models.WordPiece | models.WordLevel)

    @cached_property
    def _control_texts(self) -> re.Pattern[str]:
        names = {self.text_of(int(number)) for number in np.flatnonzero(self._is_control)}
        # A normalizer may have changed the case.
        return re.compile("|".join(map(re.escape, sorted(map(str, names)))), re.IGNORECASE)

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, with nothing added."""
        return self.encode_batch([text])[0]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; special tokens are left out.

        It is the text that was encoded, except for vocabularies of words: those are separated by
        one space, and words outside of the vocabulary are replaced with the unknown token.
        """
        numbers = np.array(ids if isinstance(ids, np.ndarray) else list(ids), np.int64)
        shown = numbers[~self._is_hidden[numbers]].tolist()
        return named(lambda _: self._tokenizer.decode(shown, skip_special_tokens=False), [])

    def normal_form(self, text: str) -> str:
        """Return the text that decoding should return, if no word is unknown.

        It is normalized; with a vocabulary of words or word pieces, words are separated by one
        space.
        """
        return named(lambda texts: self._normal_form(*texts), [well_formed(text)])

    def _normal_form(self, text: str) -> str:
        if self._tokenizer.normalizer is not None:
            text = self._tokenizer.normalizer.normalize_str(text)
        if self._is_by_words and self._tokenizer.pre_tokenizer is not None:
            words = self._tokenizer.pre_tokenizer.pre_tokenize_str(text)
            text = " ".join(word for word, _ in words)
        return text

    def text_of(self, id: int) -> str | None:  # noqa: A002
        """Return the token with an id, in its form in the vocabulary."""
        return self._tokenizer.id_to_token(id)

    def id_of(self, text: str) -> int | None:
        """Return the id of a token, given in its form in the vocabulary."""
        return self._tokenizer.token_to_id(text)

    @cached_property
    def _is_hidden(self) -> NDArray[np.bool_]:
        """A mask of the ids that are left out of a decoded text."""
        table = np.zeros(self.size, np.bool_)
        table[self.special] = True
        replaces_words = getattr(self._tokenizer.model, "unk_token", None) is not None
        if replaces_words and self.unknown is not None:
            table[self.unknown] = False
        return table


def save(tokenizer: tokenizers.Tokenizer, folder: Path) -> None:
    """Write a tokenizer's folder (FILES)."""
    for name, text in contents(tokenizer).items():
        (folder / name).write_text(text, "utf-8", newline="\n")


def contents(tokenizer: tokenizers.Tokenizer) -> dict[str, str]:
    """Return the files of a tokenizer's folder, by name."""
    added = tokenizer.get_added_tokens_decoder().values()
    known = {token.content for token in added}
    texts = BERT_ROLES if known.issuperset(BERT_ROLES.values()) else ROLES
    roles = {name: texts[role] for role, name in TRANSFORMERS_ROLES.items() if role in texts}
    numbers = range(sum(token.startswith("<extra_id_") for token in known))
    others = [*FILL_IN_THE_MIDDLE, *map(sentinel, numbers)]
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **roles,
        "additional_special_tokens": others,
        "clean_up_tokenization_spaces": False,  # it would remove spaces from the text
    }
    special = {**roles, "additional_special_tokens": others}
    return {
        TOKENIZER: tokenizer.to_str(pretty=True),
        CONFIG: json.dumps(config, indent=2) + "\n",
        SPECIAL_TOKENS: json.dumps(special, indent=2) + "\n",
    }


def named_roles(folder: Path) -> dict[str, str]:
    """Return the tokens by role from a folder's JSON files."""
    values: dict[str, Any] = {}
    for path in (folder / CONFIG, folder / SPECIAL_TOKENS):
        if path.exists():
            try:
                values |= read_object(path)
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}: not a JSON object: {error}") from None
    texts: dict[str, str] = {}
    for role, name in TRANSFORMERS_ROLES.items():
        value = values.get(name)
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            texts[role] = text
    return texts


def guessed_roles(data: bytes) -> dict[str, str]:
    """Return the tokens by role from the well-known names in a single tokenizer.json."""
    known = tokenizers.Tokenizer.from_buffer(data).get_vocab()
    return {
        role: found
        for role, names in WELL_KNOWN.items()
        if (found := next((name for name in names if name in known), None))
    }


def _first(*ids: int | None) -> int | None:
    return next((number for number in ids if number is not None), None)
