"""Train-tokenizer: learn how to cut the documents' text into tokens.

Choices:
- One task in one process: the library counts with threads of its own.
- The special tokens that any objective will need are in from the start, so that no later step
  has to resize anything.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from lmkit.artifacts.documents import QUARANTINE_FILES, Document, OutcomeFiles, Unreadable
from lmkit.artifacts.folder import making
from lmkit.artifacts.inputs import Inputs, Slice, find_documents
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.tasks import TaskWriter
from lmkit.config import StageConfig
from lmkit.errors import InputError
from lmkit.execution.progress import warn
from lmkit.readers.documents import read_slice


class TrainTokenizerConfig(StageConfig):
    """Learn a tokenizer from documents."""

    stage = "train-tokenizer"
    owns = (
        r"(tokenizer|tokenizer_config|special_tokens_map)\.json",
        QUARANTINE_FILES,
    )

    algorithm: Literal["bpe", "word", "character", "byte"] = "bpe"
    """bpe merges bytes into parts of words; word, character and byte take these as they come."""

    vocab_size: int = 32_768
    """Most tokens to have, special ones included; there are fewer where the text yields fewer."""

    sentinels: Annotated[int, Field(ge=0)] = 256
    """Tokens that stand for the gaps of span corruption; 0 if you will never need it."""

    max_record: Annotated[int, Field(ge=1)] = 32_000_000
    """Longest record of a plain file to read, in bytes; longer ones are quarantined."""


def train_tokenizer(config: TrainTokenizerConfig) -> Manifest:
    """Learn a tokenizer from all inputs, and write it to the output folder."""
    from lmkit.tokens.training import require_size

    require_size(config.algorithm, config.vocab_size, config.sentinels)
    inputs = find_documents(config.inputs, config.inputs_from, formats=("jsonl",))
    _refuse_no_text(config, inputs)
    with making(config, inputs) as folder:
        if folder.finished:
            return folder.finished
        work = partial(_train_task, config)
        (receipt,) = folder.run("tokenizer", work, [inputs.slices], label="training")
        size = receipt.facts["vocabulary_size"]
        if size < config.vocab_size:
            warn(f"the text yields {size:,} tokens, fewer than --vocab-size {config.vocab_size:,}")
        return folder.finish(receipt.counts, receipt.facts)


def _refuse_no_text(config: TrainTokenizerConfig, inputs: Inputs) -> None:
    for part in inputs.slices:
        for document in read_slice(part, [], max_record=config.max_record):
            if isinstance(document, Document) and document.text.strip():
                return
    raise InputError("INPUTS: hold no text", "see what the stage before has dropped, and why")


def _train_task(
    config: TrainTokenizerConfig, slices: tuple[Slice, ...], writer: TaskWriter
) -> None:
    from lmkit.tokens.tokenizer import contents
    from lmkit.tokens.training import train

    used = 0
    bytes_of_text = 0

    def texts(files: OutcomeFiles) -> Iterator[str]:
        nonlocal used, bytes_of_text
        for part in slices:
            for document in read_slice(part, writer.read, max_record=config.max_record):
                if isinstance(document, Unreadable):
                    files.quarantine(document)
                    continue
                used += 1
                bytes_of_text += len(document.text.encode("utf-8", "replace"))
                yield document.text

    with OutcomeFiles(writer) as files:
        tokenizer = train(texts(files), config.algorithm, config.vocab_size, config.sentinels)
    for name, text in contents(tokenizer).items():
        with writer.file(name) as path:
            path.write_text(text, "utf-8", newline="\n")
    writer.counts = Counts(
        documents_in=used + files.quarantined,
        documents_out=used,
        quarantined=files.quarantined,
        more={"bytes_of_text": bytes_of_text},
    )
    writer.facts = {
        "algorithm": config.algorithm,
        "vocabulary_size": tokenizer.get_vocab_size(),
    }
