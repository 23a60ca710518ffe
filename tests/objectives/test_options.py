import pytest
from pydantic import ValidationError

from lmkit.objectives.options import ObjectiveConfig, check_compatible
from lmkit.objectives.span_corruption.options import SpanConfig
from tests.conftest import Lmkit


def config(**values: object) -> ObjectiveConfig:
    return ObjectiveConfig.model_validate(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"mlm": {"probability": 0.3}},
            "--mlm.probability: got 0.3, but it belongs to --objective mlm",
        ),
        ({"objective": "mlm", "fim": {"rate": 0.5}}, "--fim.rate: got 0.5"),
        ({"objective": "plm", "span": {"style": "bart"}}, "--span.style: got bart"),
        ({"objective": "span-corruption", "plm": {"block": 8}}, "--plm.block: got 8"),
    ],
)
def test_an_option_of_another_objective_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match="this is") as error:
        config(**values)
    assert message in str(error.value)


def test_a_recorded_config_is_valid_input_and_means_the_same() -> None:
    for values in (
        {"objective": "mlm", "mlm": {"whole_word": True}},
        {"objective": "span-corruption", "span": {"style": "bart", "noise_density": 0.2}},
        {"fim": {"rate": 0.5}},
    ):
        before = config(**values)
        assert ObjectiveConfig.model_validate_json(before.model_dump_json()) == before
        selected = {"objective": before.objective, **before.objective_group()}
        assert ObjectiveConfig.model_validate(selected) == before


def test_noise_is_what_each_style_was_published_with() -> None:
    assert (
        SpanConfig().resolved_noise_density,
        SpanConfig(style="bart").resolved_noise_density,
    ) == (0.15, 0.3)
    assert SpanConfig(style="bart", noise_density=0.15).resolved_noise_density == 0.15


@pytest.mark.parametrize("architecture", ["decoder", "encoder", "encoder-decoder"])
@pytest.mark.parametrize("objective", ["clm", "mlm", "plm", "span-corruption"])
def test_an_incompatible_pair_is_refused_and_the_compatible_ones_named(
    architecture: str, objective: str
) -> None:
    compatible = {("decoder", "clm"), ("encoder", "mlm"), ("encoder", "plm")}
    compatible |= {("encoder-decoder", "span-corruption")}
    if (architecture, objective) in compatible:
        check_compatible(architecture, objective)
        return
    with pytest.raises(ValueError, match=f"got {objective}") as error:
        check_compatible(architecture, objective)
    for other, right in compatible:
        if other == architecture:
            assert right in str(error.value)


def test_an_incompatible_pair_is_refused_before_any_work(lmkit: Lmkit, here: object) -> None:
    both = ("--objective", "mlm", "--model.architecture", "decoder")
    code, _, err = lmkit("pretrain", "nothing", "--output", "run", *both)
    assert code == 2
    assert "with decoder, give --objective clm" in " ".join(err.split())
