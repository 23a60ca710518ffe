from lmkit.model.cost import parameters
from lmkit.model.options import ModelConfig
from lmkit.model.presets import PRESETS


def test_every_preset_is_valid_and_every_name_is_an_option() -> None:
    offered = ModelConfig.model_json_schema()["properties"]["preset"]["anyOf"][0]["enum"]
    assert set(offered) == set(PRESETS)
    for name, shape in PRESETS.items():
        assert ModelConfig.model_validate({"preset": name}).shape == shape


def test_the_largest_preset_is_as_large_as_its_name() -> None:
    # Llama 3.2 1B, from its model card: 1.23 billion with a vocabulary of 128,256, tied.
    count = parameters(ModelConfig.model_validate({"preset": "llama-1b"}), 128_256)
    assert round(count / 1e9, 2) == 1.24
