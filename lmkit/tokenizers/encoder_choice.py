"""Which library encodes a tokenizer's texts: fastokens if it gives the same ids, or `tokenizers`.

Choices:
- Which one encodes must never change an id. So both encode the texts of `encoder_probe.py` first,
  and if there is any difference, `tokenizers` encodes everything. `pack` compares some documents
  too.
- `tokenizers` encodes while there is little text: the proof takes it a second or two.
- A choice is a record, so that another process, or a resumed run, doesn't repeat the proof.
"""

import json
from functools import partial
from importlib.metadata import version
from typing import Literal

import numpy as np
import tokenizers

from lmkit.artifacts.manifest import Record
from lmkit.tokenizers.encoder_probe import first_difference, probe_texts
from lmkit.tokenizers.fast_encoder import FastEncoder, Ids
from lmkit.tokenizers.fastokens_file import UnsupportedTokenizerError, fastokens_file
from lmkit.tokenizers.library_failures import named

WORTH_A_PROOF = 4_000_000
"""Characters, or bytes, of text that `tokenizers` encodes before the proof is worth its time."""


class EncoderRecord(Record):
    """Which library encoded, as a manifest records it."""

    library: Literal["fastokens", "tokenizers"]
    version: str
    reason: str | None = None
    """Why `tokenizers` encoded everything."""
    fallbacks: dict[str, int] = {}  # noqa: RUF012 (a field's default, which pydantic copies)
    """Texts that `tokenizers` encoded instead, by reason; a long document is several texts."""


FAST = EncoderRecord(library="fastokens", version=version("fastokens"))


def other_encoder(reason: str) -> EncoderRecord:
    """Return the record of `tokenizers`, with the reason why fastokens doesn't encode."""
    return EncoderRecord(library="tokenizers", version=version("tokenizers"), reason=reason)


class TextEncoder:
    """Encodes with the library that was chosen; without a choice, it is made once it pays.

    `tokenizer` was loaded from `data`, the bytes of a tokenizer.json.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, data: bytes) -> None:
        self._tokenizer, self._data = tokenizer, data
        self._fast: FastEncoder | None = None
        self._record = other_encoder("little text")
        self._characters_until_proof: int | None = WORTH_A_PROOF

    def encode_batch(self, texts: list[str]) -> list[Ids]:
        """Return the ids of the texts, which must have a UTF-8 form."""
        if self._characters_until_proof is not None:
            self._characters_until_proof -= sum(map(len, texts))
            if self._characters_until_proof < 0:
                self.prove()
        if self._fast is not None:
            return self._fast.encode_batch(texts)
        return encode_with_tokenizers(self._tokenizer, texts)

    @property
    def record(self) -> EncoderRecord:
        """The library that encodes now, and the texts that it could not encode so far."""
        fallbacks = dict(sorted(self._fast.fallbacks.items())) if self._fast else {}
        return self._record.model_copy(update={"fallbacks": fallbacks})

    def prove(self) -> EncoderRecord:
        """Encode with fastokens from now on, if it is proven to give the same ids."""
        self._characters_until_proof = None
        try:
            fast = self._loaded()
            self._refuse_difference(fast)
        except UnsupportedTokenizerError as error:
            self.use(other_encoder(str(error)))
        else:
            self._fast, self._record = fast, FAST
            fast.fallbacks.clear()
        return self._record

    def use(self, choice: EncoderRecord) -> None:
        """Encode with the library of an earlier choice from now on; count from zero."""
        self._characters_until_proof, self._record = None, choice
        if choice.library == "tokenizers":
            self._fast = None
        elif self._fast is None:
            self._fast = self._loaded()
        else:
            self._fast.fallbacks.clear()

    def _loaded(self) -> FastEncoder:
        encode_other = partial(encode_with_tokenizers, self._tokenizer)
        return FastEncoder(fastokens_file(json.loads(self._data)), encode_other)

    def _refuse_difference(self, fast: FastEncoder) -> None:
        """Raise UnsupportedTokenizerError if fastokens gives other ids for a text of the probe."""
        special = [t.content for t in self._tokenizer.get_added_tokens_decoder().values()]
        numbers = sorted(self._tokenizer.get_vocab().values())
        entries = self._tokenizer.decode_batch([[n] for n in numbers], skip_special_tokens=False)
        encode_other = partial(encode_with_tokenizers, self._tokenizer)
        texts = probe_texts(entries, special)
        text = first_difference(fast.encode_batch, encode_other, texts)
        if text is not None:
            raise UnsupportedTokenizerError(f"fastokens gives other ids for {text[:40]!a}")


def encode_with_tokenizers(tokenizer: tokenizers.Tokenizer, texts: list[str]) -> list[Ids]:
    """Return the ids of the texts, which must have a UTF-8 form. Raises TextFailedError."""

    def encode(texts: list[str]) -> list[Ids]:
        encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(encoding.ids, np.uint32) for encoding in encodings]

    return named(encode, texts)
