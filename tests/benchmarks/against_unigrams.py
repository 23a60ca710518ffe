"""The difference between a run's loss on held-out text and the entropy of token frequencies.

    python tests/benchmarks/against_unigrams.py work/run work/packed

Both are over text tokens alone: special tokens (BOS, EOS, sentinels) are neither counted in the
entropy nor scored, although they are in the input. The entropy is that of the frequencies in the
held-out text, which no model without context can beat.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lmkit.evaluation.perplexity import score_rows
from lmkit.objectives.batch import Batch
from lmkit.objectives.objective import ordinary
from lmkit.packing.packed_folder import PackedFolder
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch
from lmkit.training.checkpoints.trained_model import open_run


def main(run: Path, packed: Path) -> None:
    trained = open_run(run, torch.device("cpu"))
    folder = PackedFolder.at(packed, "give the folder that the run was trained on")
    rows = folder.sequences("validation")
    is_text_V = ordinary(trained.tokenizer)
    counts_V = np.bincount(
        rows.read(np.arange(len(rows))).tokens_BT.ravel(), minlength=len(is_text_V)
    )[is_text_V]
    odds = counts_V[counts_V > 0] / counts_V.sum()
    entropy = -(odds * np.log(odds)).sum()

    objective = trained.description.learned
    make_batch = objective.scored.make(trained.tokenizer, trained.description.packing)

    def text_alone(rows: SequenceBatch, keys_B: NDArray[np.uint64]) -> Batch:
        batch = make_batch(rows, keys_B)
        is_text = (batch.targets_BT >= 0) & is_text_V[batch.targets_BT]
        return replace(batch, targets_BT=np.where(is_text, batch.targets_BT, NO_TARGET))

    whole = score_rows(trained.model, rows, make_batch=make_batch)
    text = score_rows(trained.model, rows, make_batch=text_alone)
    print(f"{objective.name}, {trained.checkpoint.name}")
    print(f"  loss over all {whole.tokens:,} targets      {whole.loss:.4f}")
    print(f"  loss over {text.tokens:,} targets of text   {text.loss:.4f}")
    print(f"  entropy of {counts_V.sum():,} text tokens   {entropy:.4f}")
    print(f"  nats below it                   {entropy - text.loss:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
