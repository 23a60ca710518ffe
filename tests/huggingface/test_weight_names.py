"""Rules from our names to theirs, and back to the bit."""

import torch

from lmkit.huggingface.weight_names import (
    Rule,
    hf_shape,
    joined,
    layer,
    layers,
    to_hf,
    to_lmkit,
)

WEIGHTS = {
    "q": torch.arange(6.0).view(2, 3),
    "k": torch.arange(6.0, 15.0).view(3, 3),
    "o": torch.arange(8.0).view(2, 4),
    "bias": torch.tensor([-0.0, 1.0]),
}
RULES = [
    Rule(("q", "k"), "qk", turned=True),
    Rule(("o",), "cube", turned=True, shape=(4, 1, 2)),
    Rule(("bias",), "b"),
    Rule((), "nothing", shape=(2, 2)),
]
SHAPES = {name: tuple(tensor.shape) for name, tensor in WEIGHTS.items()}


def test_there() -> None:
    theirs = to_hf(RULES, WEIGHTS)
    assert theirs["qk"].tolist() == [[0, 3, 6, 9, 12], [1, 4, 7, 10, 13], [2, 5, 8, 11, 14]]
    assert theirs["cube"].tolist() == [[[0, 4]], [[1, 5]], [[2, 6]], [[3, 7]]]
    assert theirs["nothing"].tolist() == [[0, 0], [0, 0]]
    assert {name: tuple(t.shape) for name, t in theirs.items()} == {
        rule.theirs: hf_shape(rule, SHAPES) for rule in RULES
    }


def test_and_back_to_the_bit() -> None:
    back = to_lmkit(RULES, to_hf(RULES, WEIGHTS), SHAPES)
    assert back.keys() == WEIGHTS.keys()
    for name, tensor in back.items():
        assert tensor.numpy().tobytes() == WEIGHTS[name].numpy().tobytes()


def test_layers_have_biases_where_ours_do() -> None:
    known = {"a.up.weight", "a.up.bias", "a.down.weight"}
    rules = layers({"up": "fc", "down": "proj", "gate": "g"}, "a.", "h.", known, turned=True)
    assert [(rule.ours, rule.theirs, rule.turned) for rule in rules] == [
        (("a.up.weight",), "h.fc.weight", True),
        (("a.up.bias",), "h.fc.bias", False),
        (("a.down.weight",), "h.proj.weight", True),
    ]
    assert layer("a.gate", "g", known) == []
    assert joined(["a.up", "a.down"], "both", {"a.up.weight"})[0].ours == (
        "a.up.weight",
        "a.down.weight",
    )
