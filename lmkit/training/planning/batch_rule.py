"""How many tokens a batch should have, by the tokens of the run.

Choices:
- The batch that wastes least grows with the data as D^0.383 (Bergsma et al. 2025, arXiv
  2505.13738). It is anchored as nanochat does: 2^19 tokens for 12 tokens per parameter of its model
  with 12 layers, which has 110 million in its matrices and its output.
- A run on a laptop reads so few tokens that this would leave it a hundred steps. It gets 2,000
  steps, if these still have 4,096 tokens: below the best batch, more steps cost nothing but time.
"""

EXPONENT = 0.383
ANCHOR_BATCH, ANCHOR_TOKENS = 2**19, 12 * 110_100_000
LEAST_STEPS = 2_000
LEAST_BATCH = 4_096
LARGEST_BATCH = 2**28
"""Sixteen times what the largest published runs have."""


def batch_tokens(tokens: float, sequence_length: int) -> int:
    """Return the tokens of a batch: whole sequences, at least one.

    >>> batch_tokens(ANCHOR_TOKENS, 1024), batch_tokens(20e6, 256), batch_tokens(4e6, 256)
    (524288, 9984, 4096)
    """
    by_rule = ANCHOR_BATCH * (tokens / ANCHOR_TOKENS) ** EXPONENT
    most = min(by_rule, tokens / LEAST_STEPS, float(LARGEST_BATCH))
    bounded = max(float(LEAST_BATCH), most)
    return max(1, round(bounded / sequence_length)) * sequence_length
