"""The names of layers, of which some have no bias."""

from lmkit.huggingface.weight_names import fused_layer, layer, layers


def test_layers_have_biases_where_lmkits_do() -> None:
    known = {"a.up.weight", "a.up.bias", "a.down.weight"}
    rules = layers({"up": "fc", "down": "proj", "gate": "g"}, "a.", "h.", known, transposed=True)
    assert [(rule.lmkit_names, rule.hf_name, rule.transposed) for rule in rules] == [
        (("a.up.weight",), "h.fc.weight", True),
        (("a.up.bias",), "h.fc.bias", False),
        (("a.down.weight",), "h.proj.weight", True),
    ]
    assert layer("a.gate", "g", known) == []
    assert fused_layer(["a.up", "a.down"], "both", {"a.up.weight"})[0].lmkit_names == (
        "a.up.weight",
        "a.down.weight",
    )
    both = fused_layer(["a.up", "a.down"], "both", known, interleaved=4)
    assert [rule.interleaved for rule in both] == [4, 4]
