"""Options of tokenizers: algorithm, pre-tokenizer, normalization."""

from typing import Literal

from lmkit.config import Group

Algorithm = Literal["bpe", "wordpiece", "unigram", "word", "character", "byte"]
PreTokenizer = Literal["gpt2", "gpt4", "whitespace", "words", "bert", "metaspace"]
Digits = Literal["single", "triples", "runs"]


class TextForm(Group):
    """How text is normalized before it is tokenized; decoding doesn't undo it."""

    unicode: Literal["nfc", "nfkc"] | None = None
    """Unicode normalization form: nfc joins letters and accents, nfkc also unifies look-alikes."""

    lowercase: bool = False
    """Lowercase the text."""

    strip_accents: bool = False
    """Strip accents: é becomes e. Scripts that write vowels as marks lose those."""
