"""What can be set for `lmkit train-tokenizer`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from lmkit.artifacts.options import QUARANTINE_FILES
from lmkit.config import StageConfig
from lmkit.tokenizers.options import Algorithm, Digits, PreTokenizer, TextForm


class TrainTokenizerConfig(StageConfig):
    """Learn a tokenizer from documents, or take over one that exists."""

    stage = "train-tokenizer"
    owns = (
        r"(tokenizer|tokenizer_config|special_tokens_map|report)\.json",
        QUARANTINE_FILES,
    )
    places = StageConfig.places | {"from", "compare"}

    algorithm: Algorithm = "bpe"
    """bpe merges bytes into parts of words, unigram finds the likeliest parts; both lose nothing.
    wordpiece and word forget white space and have unknown words. character and byte: each sign."""

    vocab_size: int = 32_768
    """Most tokens to have, special ones included; there are fewer where the text yields fewer."""

    pre_tokenizer: PreTokenizer | None = None
    """How text is split into words, which no token spans; none: gpt4 for bpe and unigram, bert for
    wordpiece, words for word."""

    digits: Digits | None = None
    """How numbers are cut: single digits, triples, or runs as long as they are; none: triples with
    gpt4, else runs."""

    normalize: TextForm = TextForm()

    sentinels: Annotated[int, Field(ge=0)] = 256
    """Tokens that stand for the gaps of span corruption; 0 if you will never need it."""

    sample_bytes: Annotated[int, Field(ge=100_000, lt=2**31)] = 500_000_000
    """Text to learn from, at most: as much from each source, or all of it where that is less.
    Memory grows with the distinct words in it."""

    from_: Path | None = None
    """Take over this tokenizer.json, or Transformers folder with one, instead of learning."""

    add_missing: bool = False
    """With --from: add the special tokens that it lacks, behind all others."""

    compare: Path | None = None
    """Another tokenizer (a folder, or a tokenizer.json) to measure beside this one."""

    source: str | None = None
    """Label for all documents; without it, each keeps its own."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are quarantined."""
