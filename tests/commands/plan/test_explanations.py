from pathlib import Path

from lmkit.commands.plan.explanations import next_command, repetition_text, vocabulary_text
from lmkit.commands.plan.options import PlanConfig
from lmkit.commands.plan.planned_data import PlannedData
from tests.commands.plan.sample_plan import ROW


def test_the_next_command_names_the_config_and_the_launcher() -> None:
    config = PlanConfig(hours=1, output=Path("my work/plan"), processes=4)
    assert next_command(config) == (
        "torchrun --nproc-per-node 4 -m lmkit pretrain --config 'my work/plan/config.toml' "
        "--output 'my work/run'"
    )
    assert "--output FOLDER" in next_command(PlanConfig(hours=1))


def test_repeated_data_has_its_value(packed: Path) -> None:
    data = PlannedData.at((packed,), None, Path("unused"))
    assert repetition_text(ROW, data) is None
    positions = data.sequences * data.sequence_length
    four = ROW.model_copy(update={"epochs": 4.0, "tokens": 4 * positions})
    # Muennighoff et al. (2023), equation 5: 3.73 of 4.
    assert repetition_text(four, data) == "worth 93% of as much new data"
    many = ROW.model_copy(update={"epochs": 8.0, "tokens": 8 * positions})
    assert "may overfit" in (repetition_text(many, data) or "")


def test_the_vocabulary_is_compared_with_the_published_rule() -> None:
    # 216,000 x 8,192 x (10,654,272 / 70e9)^0.83 / 384, by hand: 3,126.
    assert vocabulary_text(ROW, 8_192).endswith("3,126 suit this size")
