"""The tasks of `pack` that tokenize documents, for both splits.

Choices:
- If the fraction to hold out selects no document, the one with the smallest hash is held out: its
  task is run again.
- If a task finds that fastokens gives a document other tokens, all tasks are run again without it
  (`encoder_steps.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Literal, cast

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Inputs, Slice, make_tasks, task_size, task_weight
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import ReadRange, Receipt, TaskWriter, receipt_path
from lmkit.commands.pack.options import PackConfig
from lmkit.packing.encoder_steps import (
    EncodersDifferError,
    chosen_encoder,
    distrust,
    encoder_of,
    useful_workers,
)
from lmkit.packing.holdout import HoldoutGroup
from lmkit.packing.nanogpt_bin import TokenizedDocument, read_tokens
from lmkit.packing.tokenize_documents import TokenizeOptions, loaded, write_token_shards
from lmkit.readers.dispatch import read_slice
from lmkit.tokenizers.encoder_choice import EncoderRecord

Split = Literal["train", "validation"]
SPLITS: tuple[Split, Split] = ("train", "validation")
Read = Callable[[Slice, list[ReadRange]], Iterator[Document | TokenizedDocument | Unreadable]]


@dataclass(frozen=True)
class DocumentTasks:
    """The tokenization of all documents, in tasks."""

    config: PackConfig
    folder: OutputFolder
    read: Read
    documents: Inputs
    validation: Inputs | None

    def run(self, options: TokenizeOptions) -> tuple[list[Receipt], EncoderRecord]:
        """Write the token shards; return the receipts, and what encoded."""
        try:
            return self._run(options)
        except EncodersDifferError as difference:
            tokenizer = loaded(options.tokenizer, options.fingerprint)
            distrust(self.folder, tokenizer, str(difference))
            return self._run(options)

    def _run(self, options: TokenizeOptions) -> tuple[list[Receipt], EncoderRecord]:
        config, folder, documents, read = self.config, self.folder, self.documents, self.read
        tokenizer = loaded(options.tokenizer, options.fingerprint)
        size = task_weight(part for part in documents.slices if part.format != "tokens")
        encoder = chosen_encoder(folder, tokenizer, size, SPLITS)
        options = replace(options, encoder=encoder)
        tasks = make_tasks(documents.slices, config.shard_bytes)
        work = partial(_pack_task, read, options)
        workers = useful_workers(config.workers, encoder, size)
        receipts = folder.run(
            "train", work, tasks, workers=workers, label="tokenizing", size=task_size
        )
        if options.fraction and not documents_of(receipts, "validation"):
            receipts = _hold_out_one(config, folder, tasks, receipts, read, options)
        if self.validation:
            slices = self.validation.renumbered(len(documents.records) + 1)
            work = partial(_pack_task, read, replace(options, fraction=1.0))
            tasks = make_tasks(slices, config.shard_bytes)
            label = "tokenizing validation"
            receipts += folder.run(
                "validation", work, tasks, workers=workers, label=label, size=task_size
            )
        return receipts, encoder_of(encoder, receipts)


def read_documents(
    max_record: int, separator: int | None, part: Slice, ranges: list[ReadRange]
) -> Iterator[Document | TokenizedDocument | Unreadable]:
    """Stream the documents of a slice, as texts or as tokens."""
    if part.format == "tokens":
        return read_tokens(part, ranges, separator=separator, max_record=max_record)
    return read_slice(part, ranges, max_record=max_record)


def documents_of(receipts: Sequence[Receipt], split: Split) -> int:
    """Return the number of documents that tasks have packed into a split."""
    return sum(receipt.facts["documents"].get(split, 0) for receipt in receipts)


def documents_by_task(receipts: Sequence[Receipt], split: Split) -> tuple[int, ...]:
    """Return the number of documents that each task has packed into its shard of a split."""
    found = (receipt.facts["documents"] for receipt in receipts)
    return tuple(documents[split] for documents in found if split in documents)


def _pack_task(
    read: Read, options: TokenizeOptions, slices: tuple[Slice, ...], writer: TaskWriter
) -> None:
    """Write the token shards of some slices."""
    write_token_shards(
        chain.from_iterable(read(part, writer.read) for part in slices), options, writer
    )


def _hold_out_one(
    config: PackConfig,
    folder: OutputFolder,
    tasks: Sequence[tuple[Slice, ...]],
    receipts: list[Receipt],
    read: Read,
    options: TokenizeOptions,
) -> list[Receipt]:
    """Pack the tasks with the smallest hash again, and hold that document out."""
    min_groups = [tuple(receipt.facts["least"] or [1 << 64]) for receipt in receipts]
    # A cluster, or copies with the same id and text, are held out together, in all their tasks.
    for number in (n for n, key in enumerate(min_groups) if key == min(min_groups)):
        receipt_path(folder.path, "train", number).unlink()
    folder.drop_receipts(receipts)
    smallest = cast(HoldoutGroup, min(min_groups))
    work = partial(_pack_task, read, replace(options, fraction=0.0, smallest=smallest))
    workers, label = config.workers, "holding one out"
    return folder.run("train", work, tasks, workers=workers, label=label, size=task_size)
