"""How well a model predicts held-out text.

Choices:
- Sums, and one division at the end. The mean of the means of batches depends on how sequences were
  divided into batches, and on the padding of the last one.
- Bits per byte count the bytes of the text and not its tokens, so they compare models whose
  tokenizers differ. EOS is predicted and costs bits; it has no bytes.
- The random numbers of an objective depend on a fixed seed and on the number of the sequence, or on
  keys that the caller gives: two models have the same targets.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmkit.counter_rng import row_keys
from lmkit.evaluation.processes import ALONE, Processes
from lmkit.evaluation.text_score import Score
from lmkit.model.eval_mode import eval_mode
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.clm.objective import clm
from lmkit.packing.token_rows import TokenSequences

SEED = 0
"""Seed of the random numbers of evaluation, whatever seed a model was trained with."""


def score_rows(
    model: nn.Module,
    token_rows: TokenSequences,
    rows: NDArray[np.int64] | None = None,
    micro_batch: int = 8,
    device: torch.device | str = "cpu",
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    make_batch: MakeBatch = clm,
    keys_R: NDArray[np.uint64] | None = None,
    processes: Processes = ALONE,
    step: Callable[[int], None] = lambda _: None,
) -> Score:
    """Predict the given sequences, each once, and return the sums.

    Args:
        model: returns the summed loss of a batch; its mode is restored.
        token_rows: the sequences.
        rows: indices of sequences, all different; None: all. The score of a subset has no bytes,
            since documents continue from sequence to sequence: where ranks share the work, set them
            on the sum.
        micro_batch: sequences at a time. It changes memory and speed, and no sum beyond fp32's
            rounding.
        device: where the model is.
        autocast: makes the context that the model runs in, such as `accelerator.autocast`.
        make_batch: makes a batch of sequences and of the keys of their random numbers.
        keys_R: the keys of the random numbers of all sequences; None: from their indices.
        processes: those that share the batches; all of them get the sums of all batches.
        step: called with the number of sequences of each batch that this process has computed.

    """
    if rows is None:
        rows = np.arange(len(token_rows))
    starts = range(0, len(rows), micro_batch)
    mine = [number for number in range(len(starts)) if processes.answers_for(number)]
    targets, sums = list[int](), list[Tensor]()
    with eval_mode(model):
        for number in mine:
            numbers = rows[starts[number] : starts[number] + micro_batch]
            keys_B = row_keys(SEED, 0, numbers) if keys_R is None else keys_R[numbers]
            batch = make_batch(token_rows.read(numbers).trimmed(), keys_B)
            with autocast():
                sums.append(model(**batch.tensors(device)))
            targets.append(batch.targets)
            step(len(numbers))
    # Read at the end: each number read earlier would make a GPU wait. MPS has no float64.
    found_2B = torch.zeros(2, len(starts), dtype=torch.float64)
    if mine:
        found_2B[0, mine] = torch.stack(sums).cpu().double()
        found_2B[1, mine] = torch.tensor(targets, dtype=torch.float64)
    nll, tokens = processes.reduce_sum(found_2B).sum(1).tolist()
    size = token_rows.bytes_of_text if len(rows) == len(token_rows) else 0
    return Score(nll, int(tokens), size)
