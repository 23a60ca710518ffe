"""ModernBERT and XLNet: logits are those of Transformers with the same weights."""

from pathlib import Path

import pytest
import torch

from tests.huggingface.models import (
    MODERNBERT,
    TIME,
    XLNET,
    assert_close,
    check_logits,
    loaded,
    random_model,
    saved_as_hf,
)
from tests.model.tiny import counting, tokens

OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("ModernBertForMaskedLM", MODERNBERT),
    ("ModernBertForMaskedLM", {**MODERNBERT, "biases": True, "tie_embeddings": False}),
    ("ModernBertForMaskedLM", {**MODERNBERT, "local_rotary_base": None, "activation": "swiglu"}),
    ("ModernBertForMaskedLM", {"architecture": "encoder", "norm": "layernorm"}),
    ("XLNetLMHeadModel", XLNET),
    ("XLNetLMHeadModel", {**XLNET, "activation": "relu", "tie_embeddings": False}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_logits(name: str, options: dict[str, object], tmp_path: Path) -> None:
    check_logits(name, options, tmp_path / "hf")


@torch.no_grad()
def test_xlnet_with_two_streams(tmp_path: Path) -> None:
    model = random_model(**XLNET)
    hf_model = loaded(saved_as_hf(model, tmp_path / "hf"))
    tokens_BT = tokens(2, TIME)
    order_BT = torch.full((2, TIME), -1)
    queries_BQ = torch.tensor([[3, 7, 8, 15], [0, 4, 5, 19]])
    ranks = torch.tensor([[2, 0, 3, 1], [1, 3, 0, 2]])
    order_BT.scatter_(1, queries_BQ, ranks)
    is_target = order_BT >= 0
    # XLNet's data_utils: masked where the order isn't lower, if the key is a target.
    blocked = (order_BT[:, :, None] <= order_BT[:, None, :]) & is_target[:, None, :]
    mapping = torch.nn.functional.one_hot(queries_BQ, TIME).float()
    expected = hf_model(tokens_BT, perm_mask=blocked.float(), target_mapping=mapping).logits
    actual = model(tokens_BT, counting(tokens_BT), order_BT=order_BT, queries_BQ=queries_BQ)
    assert_close(actual, expected)
