"""Which library encodes the documents of a packed folder: chosen once, checked in every task.

    .partial/encoder-00000.json     the choice, with the tokenizer and the versions that it is for

Choices:
- The choice is a step with a receipt, so neither a worker nor a resumed run repeats the proof.
- One document in `CHECKED_ONE_IN`, by the hash of its id, is encoded by `tokenizers` too. If one
  has other tokens, fastokens is not used in this folder any more: what it has written is discarded,
  and `tokenizers` encodes everything. No token depends on the library.
- The folder's manifest says which library encoded, and why; that is no part of its plan.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.metadata import version

import numpy as np

from lmkit.artifacts.manifest import read
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import Receipt, TaskWriter, receipt_path
from lmkit.execution.progress import warn
from lmkit.tokenizers.encoder_choice import WORTH_A_PROOF, EncoderRecord, other_encoder
from lmkit.tokenizers.fast_encoder import Ids
from lmkit.tokenizers.tokenizer import Tokenizer

STEP = "encoder"
CHECKED_ONE_IN = 512
"""On average, of the documents of a task. `tokenizers` takes about 60 times as long."""
WORTH_A_WORKER = 64_000_000
"""Bytes for which another worker starts, where each encodes on all cores."""


class EncodersDifferError(Exception):
    """fastokens has given a document other tokens than `tokenizers`; the argument is its id."""


def check_encoded(tokenizer: Tokenizer, id: str, key: int, text: str, ids: Ids) -> None:  # noqa: A002
    """Raise EncodersDifferError if a document has other tokens than `tokenizers` gives.

    `key` is a hash of its id, which decides whether the document is one of those to check.
    """
    if key % CHECKED_ONE_IN or tokenizer.encoder.record.library == "tokenizers":
        return
    (expected,) = tokenizer.encode_with_tokenizers([text])
    if not np.array_equal(ids, expected):
        raise EncodersDifferError(id)


def chosen_encoder(
    folder: OutputFolder, tokenizer: Tokenizer, size: int, steps: Sequence[str]
) -> EncoderRecord:
    """Return the encoder for inputs of `size` bytes, after a proof if it is worth one.

    Receipts of `steps` that fastokens was used for are dropped if it is not to be used.
    """
    path = receipt_path(folder.path, STEP, 0)
    versions = [version("fastokens"), version("tokenizers"), tokenizer.fingerprint]
    known = read(Receipt, path)
    if known and known.facts["for"] != versions:
        path.unlink()
        known = None
    if known is None and size < WORTH_A_PROOF:
        return other_encoder("little text")
    work = partial(_choose, tokenizer, versions)
    (receipt,) = folder.run(STEP, work, [None], label="checking the encoder")
    choice = EncoderRecord.model_validate(receipt.facts["encoder"])
    if choice.library == "tokenizers":
        _drop_fast_tasks(folder, steps)
    return choice


def _choose(tokenizer: Tokenizer, versions: list[str], _: None, writer: TaskWriter) -> None:
    writer.facts = {"encoder": tokenizer.encoder.prove().model_dump(), "for": versions}


def useful_workers(workers: int, encoder: EncoderRecord, size: int) -> int:
    """Return how many workers are worth their start for inputs of `size` bytes.

    With fastokens one already encodes on all cores, and another one helps only to read and write.

    >>> from lmkit.tokenizers.encoder_choice import FAST, other_encoder
    >>> useful_workers(8, FAST, 27_000_000), useful_workers(8, FAST, 150_000_000)
    (1, 3)
    >>> useful_workers(8, other_encoder("little text"), 27_000_000)
    8
    """
    if encoder.library != "fastokens":
        return workers
    return min(workers, 1 + size // WORTH_A_WORKER)


def distrust(folder: OutputFolder, tokenizer: Tokenizer, document: str) -> None:
    """Record that `tokenizers` is to encode everything, and drop the receipts of this run."""
    choice = other_encoder(f"fastokens gave document {document} other tokens")
    warn(f"{folder.path}: {choice.reason}: everything is encoded again, by tokenizers")
    writer = TaskWriter(folder.path, STEP, 0)
    versions = [version("fastokens"), version("tokenizers"), tokenizer.fingerprint]
    writer.facts = {"encoder": choice.model_dump(), "for": versions}
    writer.finish()
    folder.drop_receipts(folder.receipts)


def _drop_fast_tasks(folder: OutputFolder, steps: Sequence[str]) -> None:
    for step in steps:
        for path in folder.scratch.glob(f"{step}-[0-9]*.json"):
            receipt = read(Receipt, path)
            if receipt and receipt.facts.get("encoder", {}).get("library") == "fastokens":
                path.unlink()


def encoder_of(choice: EncoderRecord, receipts: Iterable[Receipt]) -> EncoderRecord:
    """Return the choice with the fallbacks of all tasks."""
    fallbacks: Counter[str] = Counter()
    for receipt in receipts:
        fallbacks.update(receipt.facts.get("encoder", {}).get("fallbacks", {}))
    return choice.model_copy(update={"fallbacks": dict(sorted(fallbacks.items()))})
