import pytest

from lmkit.training.planning.batch_rule import ANCHOR_TOKENS, batch_tokens


def test_batches_grow_with_the_tokens_as_published() -> None:
    # Bergsma et al. (2025): twice the data, 2^0.383 = 1.30 times the batch.
    one, two = batch_tokens(1e10, 1), batch_tokens(2e10, 1)
    assert two / one == pytest.approx(1.304, abs=0.001)
    assert batch_tokens(ANCHOR_TOKENS, 1) == 2**19  # nanochat, with 12 layers


def test_a_short_run_has_many_steps_and_whole_sequences() -> None:
    assert 2e7 / batch_tokens(2e7, 128) == pytest.approx(2_000, rel=0.02)
    assert batch_tokens(1e5, 128) == 4_096
    assert batch_tokens(2e7, 300) % 300 == 0
    assert batch_tokens(1e5, 10_000) == 10_000
