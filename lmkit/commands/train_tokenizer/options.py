"""The options of `lmkit train-tokenizer`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from lmkit.artifacts.options import (
    QUARANTINE_FILES,
    LabelsDocuments,
    ReadsRecords,
    WritesToStores,
)
from lmkit.config import StageConfig
from lmkit.execution.executors.options import SharesTasks
from lmkit.tokenizers.options import Algorithm, Digits, PreTokenizer, TextForm


class TrainTokenizerConfig(LabelsDocuments, ReadsRecords, SharesTasks, WritesToStores, StageConfig):
    """Train a tokenizer on documents, or import an existing one."""

    stage = "train-tokenizer"
    example = "lmkit train-tokenizer work/dedup --output work/tokenizer --vocab-size 32768"
    output_patterns = (
        r"(tokenizer|tokenizer_config|special_tokens_map|report)\.json",
        QUARANTINE_FILES,
    )
    location_options = StageConfig.location_options | {"from", "compare"}

    algorithm: Algorithm = "bpe"
    """bpe merges bytes into subwords, unigram finds the likeliest subwords; both are lossless.
    wordpiece and word drop white space and have unknown words. character and byte: no subwords."""

    vocab_size: Annotated[int, Field(le=10_000_000)] = 32_768
    """Largest vocabulary, special tokens included; smaller where the text yields fewer tokens."""

    pre_tokenizer: PreTokenizer | None = None
    """How text is split into words, which no token crosses; none: gpt4 for bpe and unigram, bert
    for wordpiece, words for word."""

    digits: Digits | None = None
    """How numbers are split: single digits, triples, or whole runs; none: triples with gpt4, else
    runs."""

    normalize: TextForm = TextForm()

    sentinels: Annotated[int, Field(ge=0, le=10_000)] = 256
    """Sentinel tokens, for span corruption; 0 if you will never need them."""

    sample_bytes: Annotated[int, Field(ge=100_000, lt=2**31)] = 500_000_000
    """Most bytes of text to train on: the same from each source, or all of it where that is less.
    Memory grows with the number of distinct words."""

    from_: Path | None = None
    """Import this tokenizer.json, or Transformers folder with one, instead of training."""

    add_missing: bool = False
    """With --from: add the missing special tokens, after all others."""

    compare: Path | None = None
    """Another tokenizer (a folder, or a tokenizer.json) to compare with in the report."""
