"""Train-classifier: train a quality classifier on two kinds of documents.

    work/classifier/classifier.json, weights.npy   for clean --filters.classifier
    work/classifier/manifest.json                  how well it separates documents that it never saw

Choices:
- Documents are chosen, and kept aside, by hashes of themselves: the result doesn't depend on their
  order, on the tasks or on the workers. Equal texts are on the same side, or the measurement would
  be of texts that it has learned.
- Reading is parallel; training is one task, since all documents decide together.
- The measurement: the area under the ROC curve, and for some scores, how many documents of each
  kind would be kept with that score as the minimum.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document, JsonLinesFile, OutcomeFiles, Unreadable
from lmkit.artifacts.inputs import RECORDS, Inputs, Slice, find_documents, make_tasks, task_size
from lmkit.artifacts.manifest import Counts, Manifest
from lmkit.artifacts.output_folder import open_output
from lmkit.artifacts.tasks import Receipt, TaskWriter
from lmkit.commands.train_classifier.classifier_record import ClassifierRecord
from lmkit.commands.train_classifier.options import TrainClassifierConfig
from lmkit.counter_rng import draw
from lmkit.errors import InputError, LmkitError
from lmkit.execution.tables import shown
from lmkit.filters.classifier_training import area_under_curve, fit
from lmkit.filters.document_sample import Candidates, chosen
from lmkit.filters.quality_classifier import (
    DESCRIPTION,
    FEATURES,
    WEIGHTS,
    features_of,
)
from lmkit.readers.dispatch import read_slice

KINDS = ("good", "ordinary")
MIN_DOCUMENTS = 20
"""Of each kind, to train a classifier."""
SCORES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Minimum scores whose effect is reported."""


def train_classifier(config: TrainClassifierConfig) -> Manifest:
    """Train a classifier on both inputs, and write it to the output folder."""
    found = [_documents(config, number) for number in range(len(KINDS))]
    with open_output(config, found[0].merged_with(found[1])) as folder:
        if folder.finished:
            return folder.finished
        receipts: list[list[Receipt]] = []
        slices = found[0].slices, found[1].renumbered(len(found[0].records))
        for kind, parts in zip(KINDS, slices, strict=True):
            tasks = make_tasks(parts)
            choose, label = partial(_choose, config, kind), f"reading {kind} documents"
            workers = config.workers
            receipts.append(
                folder.run(kind, choose, tasks, workers=workers, label=label, size=task_size)
            )
        work = partial(_write_classifier, config)
        (receipt,) = folder.run("classifier", work, [receipts], label="training the classifier")
        counts = Counts.total(one.counts for each in receipts for one in each)
        used = receipt.facts["documents"]
        left_out = counts.documents_in - counts.quarantined - used
        dropped = {"not_chosen": left_out} if left_out else {}
        counts = counts.model_copy(update={"documents_out": used, "dropped": dropped})
        return folder.finish(counts, receipt.facts)


def result_text(config: TrainClassifierConfig, manifest: Manifest) -> str:
    """Return how well the classifier separates documents that it never saw."""
    record = ClassifierRecord.from_manifest(manifest, config.output)
    held_out = " and ".join(f"{record.held_out[kind]:,} {kind}" for kind in KINDS)
    line = (
        f"{config.output}: area under the curve {record.auc:.4f}, on {held_out} documents that "
        "were kept aside"
    )
    rows = [each.recorded() for each in record.thresholds]
    return f"{line}\n{shown({'kept_with_a_minimum_score': rows})}"


def _documents(config: TrainClassifierConfig, number: int) -> Inputs:
    """Find the documents of a kind, and refuse too few of them before anything is written."""
    documents = find_documents([config.inputs[number]], formats=RECORDS)
    found, hint = 0, "check what the previous stage dropped, and why"
    for part in documents.slices:
        for document in read_slice(part, [], max_record=config.max_record):
            if isinstance(document, Unreadable):
                hint = f"a document can't be read: {document.origin}: {document.reason}"
                continue
            found += bool(document.text.strip())
            if found == MIN_DOCUMENTS:
                return documents
    raise InputError(
        f"INPUTS: {config.inputs[number]}: {found} documents with text, must be at least "
        f"{MIN_DOCUMENTS}",
        hint,
    )


def _choose(
    config: TrainClassifierConfig, kind: str, slices: tuple[Slice, ...], writer: TaskWriter
) -> None:
    """Keep the documents that may be among those chosen."""
    with ExitStack() as stack:
        files = stack.enter_context(OutcomeFiles(writer))
        path = stack.enter_context(writer.scratch_file(f"{kind}-{writer.number:05d}.jsonl.zst"))
        file = JsonLinesFile(path)
        stack.callback(file.close)  # before it is renamed
        candidates, empty = Candidates(config.documents, file), 0
        for part in slices:
            for document in read_slice(part, writer.read, max_record=config.max_record):
                if isinstance(document, Unreadable):
                    files.quarantine(document)
                elif document.text.strip():
                    candidates.add(document)
                else:
                    empty += 1
    writer.facts["keys"] = candidates.keys
    writer.counts = Counts(
        documents_in=candidates.count + empty + files.quarantined, quarantined=files.quarantined
    )


def _write_classifier(
    config: TrainClassifierConfig, receipts: Sequence[Sequence[Receipt]], writer: TaskWriter
) -> None:
    """Train the classifier, measure it, and write it."""
    texts: list[str] = []
    is_good: list[bool] = []
    for kind, each in zip(KINDS, receipts, strict=True):
        for document in _chosen(config, each, writer):
            texts.append(document.text)
            is_good.append(kind == "good")
    good = np.array(is_good, bool)
    held_out = np.array([_is_held_out(config, text) for text in texts], bool)
    for kind, one in (("good", good), ("ordinary", ~good)):
        for side, some in (("held out", held_out), ("to train on", ~held_out)):
            if not (one & some).any():
                raise LmkitError(
                    f"no {kind} document is {side}: there are {one.sum():,} different ones",
                    "give more documents, or another --held-out or --seed",
                )
    classifier = fit(features_of(_where(texts, ~held_out)), good[~held_out])
    scores = classifier.score(_where(texts, held_out))
    with writer.file(WEIGHTS) as path, path.open("wb") as file:
        np.save(file, classifier.weights_D, allow_pickle=False)
    with writer.file(DESCRIPTION) as path:
        known = {"features": FEATURES, "intercept": classifier.intercept}
        path.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
    writer.facts = {"documents": len(texts), **_measured(scores, good, held_out)}


def _chosen(
    config: TrainClassifierConfig, receipts: Sequence[Receipt], writer: TaskWriter
) -> list[Document]:
    paths = [writer.partial / file.name for receipt in receipts for file in receipt.scratch]
    keys = (key for receipt in receipts for key in receipt.facts["keys"])
    # In an order of their own: the last bit of a sum depends on it.
    return sorted(chosen(paths, keys, config.documents), key=lambda document: _hash(document.text))


def _is_held_out(config: TrainClassifierConfig, text: str) -> bool:
    return draw(config.seed, _hash(text)) < config.held_out * 2**64


def _hash(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _where(texts: list[str], mask: NDArray[np.bool_]) -> list[str]:
    return [text for text, is_used in zip(texts, mask, strict=True) if is_used]


def _measured(
    scores_T: NDArray[np.float64], good_T: NDArray[np.bool_], held_out_T: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return what is known about the classifier: `scores_T` are those of the documents held out."""
    is_good_T = good_T[held_out_T]
    kinds = {"good": good_T, "ordinary": ~good_T}
    return {
        "auc": round(area_under_curve(scores_T, is_good_T), 6),
        "trained_on": {kind: int((one & ~held_out_T).sum()) for kind, one in kinds.items()},
        "held_out": {kind: int((one & held_out_T).sum()) for kind, one in kinds.items()},
        "thresholds": [
            {
                "score": score,
                "good_kept": round(float((scores_T[is_good_T] >= score).mean()), 4),
                "ordinary_kept": round(float((scores_T[~is_good_T] >= score).mean()), 4),
            }
            for score in SCORES
        ],
    }
