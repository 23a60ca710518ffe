import pytest
import torch

from lmkit.model.cost import parameters_by_part
from lmkit.model.positions.registry import POSITIONS
from tests.model.tiny import counting, tiny, tokens

SHAPES = [(name, kind) for name, of in POSITIONS.items() for kind in of.architectures]


def test_without_positions_an_encoder_reads_a_bag_of_tokens_and_a_decoder_an_order() -> None:
    text_BT = tokens(1, 6)
    shuffled = torch.tensor([3, 0, 4, 1, 2, 5])
    for architecture in ("encoder", "decoder"):
        model = tiny(position="none", architecture=architecture).eval()
        with torch.no_grad():
            last_V, other_V = (
                model(each, counting(each))[0, 5] for each in (text_BT, text_BT[:, shuffled])
            )
        assert torch.allclose(last_V, other_V, atol=1e-5) == (architecture == "encoder")


@pytest.mark.parametrize(("name", "architecture"), SHAPES, ids="-".join)
def test_the_parameters_of_every_encoding_are_counted(name: str, architecture: str) -> None:
    model = tiny(position=name, architecture=architecture)
    counted = parameters_by_part(model.config, model.vocabulary_size)
    assert sum(counted.values()) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("name", "architecture"), SHAPES, ids="-".join)
def test_a_bias_is_declared_where_scores_get_one(name: str, architecture: str) -> None:
    model = tiny(position=name, architecture=architecture)
    encoding = model.encoding
    bias = encoding.score_bias(torch.arange(-3, 4)[:, None], model)
    has_own = encoding.distance_encodings(4, torch.device("cpu")) is not None
    assert encoding.adds_to_scores == (bias is not None or has_own)
    if bias is not None:
        assert bias.shape == (4, 7, 1)
        assert bias.requires_grad == encoding.trains_bias
