"""Conversion between lmkit's and Transformers' names, exact in both directions."""

import torch

from lmkit.huggingface.weight_conversion import to_hf, to_lmkit
from lmkit.huggingface.weight_names import Rule, hf_shape

WEIGHTS = {
    "q": torch.arange(6.0).view(2, 3),
    "k": torch.arange(6.0, 15.0).view(3, 3),
    "o": torch.arange(8.0).view(2, 4),
    "bias": torch.tensor([-0.0, 1.0]),
    "a": torch.arange(4.0).view(4, 1),
    "b": torch.arange(4.0, 8.0).view(4, 1),
    "c": torch.arange(8.0, 12.0).view(4, 1),
}
RULES = [
    Rule(("q", "k"), "qk", transposed=True),
    Rule(("o",), "cube", transposed=True, shape=(4, 1, 2)),
    Rule(("bias",), "b"),
    Rule((), "nothing", shape=(2, 2)),
    Rule(("a", "b", "c"), "abc", interleaved=2),
]
SHAPES = {name: tuple(tensor.shape) for name, tensor in WEIGHTS.items()}


def test_to_transformers() -> None:
    hf_model = to_hf(RULES, WEIGHTS)
    assert hf_model["qk"].tolist() == [[0, 3, 6, 9, 12], [1, 4, 7, 10, 13], [2, 5, 8, 11, 14]]
    assert hf_model["cube"].tolist() == [[[0, 4]], [[1, 5]], [[2, 6]], [[3, 7]]]
    assert hf_model["nothing"].tolist() == [[0, 0], [0, 0]]
    # The first head of each, then the second.
    assert hf_model["abc"].flatten().tolist() == [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11]
    assert {name: tuple(t.shape) for name, t in hf_model.items()} == {
        rule.hf_name: hf_shape(rule, SHAPES) for rule in RULES
    }


def test_a_round_trip_preserves_every_bit() -> None:
    loaded_weights = to_lmkit(RULES, to_hf(RULES, WEIGHTS), SHAPES)
    assert loaded_weights.keys() == WEIGHTS.keys()
    for name, tensor in loaded_weights.items():
        assert tensor.numpy().tobytes() == WEIGHTS[name].numpy().tobytes()
