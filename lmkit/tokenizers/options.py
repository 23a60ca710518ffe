"""Options of tokenizers: algorithm, pre-tokenizer, normalization."""

from typing import Literal

from lmkit.config import Group

Algorithm = Literal["bpe", "wordpiece", "unigram", "word", "character", "byte"]
PreTokenizer = Literal["gpt2", "gpt4", "whitespace", "words", "bert", "metaspace"]
Digits = Literal["single", "triples", "runs"]


class TextForm(Group):
    """What becomes of a text before it is cut; it does not come back."""

    unicode: Literal["nfc", "nfkc"] | None = None
    """Unicode form: nfc joins letters and accents, nfkc also unifies look-alikes."""

    lowercase: bool = False
    """Write all in small letters."""

    strip_accents: bool = False
    """Take marks off letters: é becomes e. Scripts that write vowels as marks lose those."""
