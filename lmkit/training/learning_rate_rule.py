"""The learning rate of `--optim.lr auto`: a published rule, with one measured factor.

    lr = K * 0.3118 * C^-0.125 * min(1, sqrt(B / B_opt)),  B_opt = 0.2920 * C^0.3271

C are the FLOPs of a run: those of the blocks for a token, times the tokens. B are the tokens of a
batch. The rule is that of DeepSeek LLM (Bi et al. 2024, arXiv 2401.02954, section 3.2, equation
1), fitted there to AdamW from 1e17 to 2e19 FLOPs. So it falls with width, depth, batch and length.

Choices:
- A batch that is smaller than the rule's own gets less, by the root of their ratio (Malladi et al.
  2022, arXiv 2205.10287: for Adam, the noise of a gradient scales so); a larger one gets no more.
- K is a fact of each optimizer (`optimizers.registry`), as `tests/benchmarks/recipe.py` measured
  it. Muon's updates have the size of AdamW's (`optimizers.muon`), so one rule serves both.
- Two digits are kept: a rate is no more exact, and a number that is recorded and typed should be
  short.
"""

import math

from lmkit.model.cost import BatchShape, flops
from lmkit.model.options import ModelConfig
from lmkit.training.optimizers.registry import ALGORITHMS

MOST, LEAST = 0.05, 1e-5


def automatic_learning_rate(factor: float, flops: float, batch_tokens: float) -> float:
    """Return the peak learning rate of a run.

    Args:
        factor: K, of the optimizer.
        flops: of the whole run, forward and backward, without the output matrix.
        batch_tokens: tokens of a step.

    """
    best_batch = 0.2920 * flops**0.3271
    rate = factor * 0.3118 * flops**-0.125
    rate *= min(1.0, math.sqrt(batch_tokens / best_batch))
    return float(f"{min(MOST, max(LEAST, rate)):.2g}")


def learning_rate_of_run(
    algorithm: str, model: ModelConfig, *, sequences: float, length: int, batch_tokens: float
) -> float:
    """Return what `--optim.lr auto` is for a run.

    Args:
        algorithm: name of the optimizer.
        model: what is trained.
        sequences: that the run reads in all.
        length: their tokens.
        batch_tokens: tokens of a step.

    """
    computed = sum(flops(model, 0, BatchShape(1, length)).values()) * sequences
    return automatic_learning_rate(ALGORITHMS[algorithm].lr_factor, computed, batch_tokens)
