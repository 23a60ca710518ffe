import math

import numpy as np
import torch

from lmkit.evaluation.perplexity import score_rows
from lmkit.evaluation.text_score import Score
from lmkit.model.transformer import Transformer
from lmkit.packing.token_rows import TokenSequences
from tests.evaluation.together import together
from tests.model.tiny import VOCABULARY, counting, tiny

LENGTHS = [17, 3, 40, 9, 2, 26, 31, 5, 12, 21]


def documents() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(1, VOCABULARY, length) for length in LENGTHS]


def packed(length: int) -> TokenSequences:
    return TokenSequences.from_documents(
        [(ids, 3 * len(ids)) for ids in documents()], length, pad=0
    )


def exact_nll(model: Transformer, rows: TokenSequences) -> float:
    """Each piece of each sequence alone, in float64."""
    double, total = tiny().double(), 0.0
    double.load_state_dict(model.state_dict())
    for number in range(len(rows)):
        sequence = rows.read(np.array([number]))
        for piece in range(1, sequence.documents_BT.max() + 1):
            inside = sequence.documents_BT == piece
            tokens_BT = torch.from_numpy(sequence.tokens_BT[inside])[None]
            with torch.no_grad():
                x_TD = double.features(tokens_BT, counting(tokens_BT))[0]
                log_p_TV = (x_TD @ double.embedding.weight.t()).log_softmax(-1)
            for index, target in enumerate(sequence.following_BT[inside]):
                total -= float(log_p_TV[index, target]) if target >= 0 else 0.0
    return total


def test_loss_perplexity_and_bits_follow_from_the_sums() -> None:
    score = Score(nll=6 * math.log(8), tokens=6, bytes=9)
    assert math.isclose(score.loss, math.log(8))
    assert math.isclose(score.perplexity, 8)
    assert math.isclose(score.bits_per_byte, 2)  # 6 tokens of 3 bits over 9 bytes


def test_the_score_of_two_texts_is_the_sum_of_theirs() -> None:
    assert Score(2.0, 3, 10) + Score(4.0, 5, 20) == Score(6.0, 8, 30)


def test_a_score_of_nothing_is_not_a_number() -> None:
    empty = Score(0.0, 0, 0)
    assert all(map(math.isnan, (empty.loss, empty.perplexity, empty.bits_per_byte)))


def test_a_diverged_model_has_infinite_perplexity() -> None:
    assert Score(nll=1e6, tokens=1, bytes=1).perplexity == math.inf


def test_uniform_predictions_have_the_vocabulary_size_as_perplexity() -> None:
    model = tiny()
    torch.nn.init.zeros_(model.embedding.weight)
    score = score_rows(model, packed(16))
    assert score.tokens == sum(LENGTHS) - len(LENGTHS)
    assert score.bytes == 3 * sum(LENGTHS)
    assert math.isclose(score.perplexity, VOCABULARY, rel_tol=1e-5)


def test_the_score_is_that_of_each_document_alone_with_any_micro_batch() -> None:
    model, rows = tiny(), packed(16)
    assert len(rows) > 7
    exact = exact_nll(model, rows)
    for micro_batch in (1, 3, 7, 100):
        score = score_rows(model, rows, micro_batch=micro_batch)
        assert math.isclose(score.nll, exact, rel_tol=1e-6)
        assert score.tokens == sum(LENGTHS) - len(LENGTHS)
        assert score.bytes == 3 * sum(LENGTHS)


def test_scores_of_parts_of_the_sequences_add_up() -> None:
    model, rows = tiny(), packed(16)
    total = score_rows(model, rows)
    numbers = np.arange(len(rows))
    parts = score_rows(model, rows, numbers[::2]) + score_rows(model, rows, numbers[1::2])
    assert parts.tokens == total.tokens
    assert math.isclose(parts.nll, total.nll, rel_tol=1e-6)
    assert (parts.bytes, total.bytes) == (0, rows.bytes_of_text)


def test_without_sequences_the_score_is_zero() -> None:
    score = score_rows(tiny(), packed(16), np.empty(0, np.int64))
    assert score == Score(0.0, 0, 0)


def test_dropout_is_off_while_scoring_and_on_again_afterwards() -> None:
    model = tiny(dropout=0.5).train()
    assert score_rows(model, packed(16)) == score_rows(tiny(), packed(16))
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_model_runs_in_the_given_autocast_context() -> None:
    model = tiny()
    low = score_rows(model, packed(16), autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    full = score_rows(model, packed(16))
    assert low.nll != full.nll
    assert math.isclose(low.loss, full.loss, rel_tol=0.02)


def test_processes_that_share_the_batches_have_the_sums_of_one_to_the_bit() -> None:
    model = tiny()
    expected = score_rows(model, packed(16), micro_batch=2)
    found = together(
        2, lambda processes: score_rows(tiny(), packed(16), micro_batch=2, processes=processes)
    )
    assert found == [expected, expected]
