"""Documents of one sequence never attend to one another, whatever the model's components are."""

from typing import Any

import pytest
import torch
from torch import Tensor

from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.model.tiny import VOCABULARY, counting, tiny, tokens

POSITIONS = ["learned", "sinusoidal", "relative", "rotary", "alibi", "none"]
DOCUMENTS = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 0], [1] * 7 + [2] * 3 + [0] * 2])
POSITIONS_BT = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 1, 0], [*range(7), *range(3), 0, 0]])
SOURCE_DOCUMENTS = torch.tensor([[1, 1, 2, 2, 2, 2, 3, 3, 3], [1, 1, 1, 2, 2, 0, 0, 0, 0]])
SOURCE_POSITIONS_BT = torch.tensor([[0, 1, 0, 1, 2, 3, 0, 1, 2], [0, 1, 2, 0, 1, 0, 0, 0, 0]])
ORDER = torch.tensor(
    [[-1, 1, 0, -1, 2, -1, 0, 1, -1, 0, 1, -1], [3, 2, -1, -1, 0, 1, -1, -1, 0, -1, -1, -1]]
)
QUERIES = torch.tensor([[1, 2, 4, 6, 7, 9, 10], [0, 1, 4, 5, 8, 0, 0]])


def kinds() -> list[Any]:
    cases: list[Any] = []
    for position in POSITIONS:
        for window in (None, 4):
            for architecture in ("decoder", "encoder"):
                cases.append({"architecture": architecture, "position": position, "window": window})
        cases.append({"architecture": "encoder-decoder", "position": position})
    cases.append({"architecture": "encoder", "position": "transformer-xl"})
    cases.append({"architecture": "encoder", "position": "learned", "norm_position": "post"})
    cases.append({"kv_heads": 2, "qk_norm": True, "norm": "layernorm", "biases": True})
    cases.append({"parallel_residual": True, "rotary_fraction": 0.5, "attention_biases": "qkv"})
    cases.append({"architecture": "encoder", "parallel_residual": True})
    cases.append({"norm_position": "output", "qk_norm": True, "qk_norm_over": "projection"})
    cases.append({"architecture": "encoder", "position": "learned", "first_position": 2})
    cases.append({"ngram_length": 3, "ngram_rows": 200})
    return [pytest.param(kind, id="-".join(map(str, kind.values()))) for kind in cases]


def logits(model: Transformer, tokens_BT: Tensor, source_BS: Tensor) -> Tensor:
    if model.config.architecture != "encoder-decoder":
        return model(tokens_BT, POSITIONS_BT, DOCUMENTS)
    return model(
        tokens_BT,
        POSITIONS_BT,
        DOCUMENTS,
        source_tokens_BS=source_BS,
        source_positions_BS=SOURCE_POSITIONS_BT,
        source_documents_BS=SOURCE_DOCUMENTS,
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", kinds())
@torch.no_grad()
def test_changing_a_document_changes_no_bit_of_another(
    kind: dict[str, object], precision: str
) -> None:
    model = tiny(**kind)
    tokens_BT, source_BS = tokens(2, 12), tokens(2, 9, seed=8)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        before = logits(model, tokens_BT, source_BS)
        for document in (0, 1, 2, 3):
            inside = DOCUMENTS.eq(document)
            changed = torch.where(inside, (tokens_BT + 1) % VOCABULARY, tokens_BT)
            other_source = torch.where(
                SOURCE_DOCUMENTS.eq(document), (source_BS + 1) % VOCABULARY, source_BS
            )
            after = logits(model, changed, other_source)
            assert after.isfinite().all()
            assert torch.equal(before[~inside], after[~inside])
            assert not torch.isclose(before[inside], after[inside]).all(-1).any()
            if model.encoder is not None and document:
                after = logits(model, tokens_BT, other_source)
                assert torch.equal(before[~inside], after[~inside])
                assert not torch.isclose(before[inside], after[inside]).all(-1).any()


@pytest.mark.parametrize("kind", kinds())
@torch.no_grad()
def test_a_document_in_a_sequence_is_read_as_if_alone(kind: dict[str, object]) -> None:
    model = tiny(**kind)
    tokens_BT, source_BS = tokens(2, 12), tokens(2, 9, seed=8)
    packed = logits(model, tokens_BT, source_BS)
    for row, document in ((0, 1), (0, 2), (0, 3), (1, 1), (1, 2)):
        inside = DOCUMENTS[row].eq(document)
        alone_BT = tokens_BT[row][inside][None]
        read: dict[str, Tensor] = {}
        if model.encoder is not None:
            one_BS = source_BS[row][SOURCE_DOCUMENTS[row].eq(document)][None]
            read = {"source_tokens_BS": one_BS, "source_positions_BS": counting(one_BS)}
        alone = model(alone_BT, counting(alone_BT), **read)
        torch.testing.assert_close(packed[row][inside], alone[0], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize(
    "kind", [k for k in kinds() if k.values[0].get("architecture") == "encoder"]
)
@torch.no_grad()
def test_two_streams_attend_to_what_the_order_allows_and_nothing_else(
    kind: dict[str, object],
) -> None:
    model = tiny(**kind)
    model.query_vector.normal_(generator=torch.Generator().manual_seed(0))
    tokens_BT = tokens(2, 12)

    def query_logits(tokens_BT: Tensor) -> Tensor:
        return model(tokens_BT, POSITIONS_BT, DOCUMENTS, order_BT=ORDER, queries_BQ=QUERIES)

    before = query_logits(tokens_BT)
    assert before.isfinite().all()
    reach = model.config.window // 2 * model.config.layers if model.config.window else 12
    for row in range(2):
        for changed_column in range(12):
            changed = tokens_BT.clone()
            changed[row, changed_column] = (changed[row, changed_column] + 1) % VOCABULARY
            after = query_logits(changed)
            assert torch.equal(before[1 - row], after[1 - row])
            for query_features, column in enumerate(QUERIES[row].tolist()):
                same = DOCUMENTS[row, changed_column] == DOCUMENTS[row, column]
                earlier = ORDER[row, changed_column] < ORDER[row, column]
                if (
                    same
                    and earlier
                    and abs(changed_column - column) <= reach // model.config.layers
                ):
                    assert not torch.equal(before[row, query_features], after[row, query_features])
                elif not (same and earlier):
                    assert torch.equal(before[row, query_features], after[row, query_features])


@torch.no_grad()
def test_a_query_that_may_attend_to_nothing_still_has_finite_logits() -> None:
    model = tiny(architecture="encoder", position="transformer-xl")
    tokens_BT = tokens(1, 3)
    order_BT, queries_BQ = torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1, 2]])
    got = model(tokens_BT, counting(tokens_BT), order_BT=order_BT, queries_BQ=queries_BQ)
    changed = model(
        (tokens_BT + 1) % VOCABULARY, counting(tokens_BT), order_BT=order_BT, queries_BQ=queries_BQ
    )
    assert got.isfinite().all()
    assert torch.equal(got[0, 0], changed[0, 0])
    assert not torch.isclose(got[0, 1], changed[0, 1]).all()


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
@torch.no_grad()
def test_a_window_masks_distant_positions(architecture: str) -> None:
    config = {"layers": 1, "window": 4, "position": "rotary", "architecture": architecture}
    model, tokens_BT = tiny(**config), tokens(1, 12)
    before = model(tokens_BT, counting(tokens_BT))
    for changed_column in range(12):
        changed = tokens_BT.clone()
        changed[0, changed_column] = (changed[0, changed_column] + 1) % VOCABULARY
        has_changed = (model(changed, counting(tokens_BT)) != before).any(-1)[0].tolist()
        # A decoder attends to itself and three positions before; an encoder to two on each side.
        low, high = (
            (changed_column, changed_column + 3)
            if architecture == "decoder"
            else (changed_column - 2, changed_column + 2)
        )
        assert has_changed == [low <= t <= high for t in range(12)]


def test_every_parameter_has_a_gradient() -> None:
    for kind in kinds():
        model = tiny(**kind.values[0])
        tokens_BT, more = tokens(2, 12), {}
        if model.encoder is not None:
            more = {
                "source_tokens_BS": tokens(2, 9),
                "source_positions_BS": SOURCE_POSITIONS_BT,
                "source_documents_BS": SOURCE_DOCUMENTS,
            }
        runs = [(tokens_BT, more)]
        if model.config.architecture == "encoder":
            runs.append((tokens_BT.gather(1, QUERIES), {"order_BT": ORDER, "queries_BQ": QUERIES}))
        for targets_BT, arguments in runs:
            loss = model(tokens_BT, POSITIONS_BT, DOCUMENTS, targets_BT, **arguments)
            loss.backward()
            for name, parameter in model.named_parameters():
                assert parameter.grad is not None, name
                assert parameter.grad.isfinite().all(), name
                parameter.grad = None


@torch.no_grad()
def test_learned_positions_have_the_configured_length() -> None:
    config = ModelConfig(position="learned", max_positions=5, layers=1, hidden_size=8, heads=2)
    assert Transformer(config, 10).position_embedding.weight.shape == (5, 8)
