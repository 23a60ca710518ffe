import pytest
import torch

from lmkit.evaluation.tasks.likelihoods.permutation_likelihood import PermutationLikelihood
from tests.evaluation.tasks.likelihoods.spans import flat, items, model_of, worst

XLNET = {"architecture": "encoder", "position": "transformer-xl"}


def literal() -> list[float]:
    """One forward pass for each target: the tokens before it are read, and a query after them."""
    model = model_of(**XLNET)
    totals: list[float] = []
    for span in flat(items()):
        total = 0.0
        for index in range(span.first_target, len(span.tokens)):
            order = [-1] * span.first_target + [*range(index - span.first_target + 1)]
            with torch.no_grad():
                logits = model(
                    torch.tensor([span.tokens[: index + 1]]),
                    torch.arange(index + 1)[None],
                    order_BT=torch.tensor([order]),
                    queries_BQ=torch.tensor([[index]]),
                )[0, 0]
            total += float(logits.double().log_softmax(-1)[span.tokens[index]])
        totals.append(total)
    return totals


@pytest.mark.parametrize("micro_batch", [1, 7, None])
def test_targets_are_predicted_from_left_to_right_by_their_queries(
    micro_batch: int | None,
) -> None:
    found = PermutationLikelihood(model_of(**XLNET), micro_batch=micro_batch)(items())
    assert worst(found, literal()) < 1e-5
