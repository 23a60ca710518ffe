from lmkit.config import options
from lmkit.config_values import load
from tests.test_config_values import NEEDED, Optim, ToyConfig


def test_every_option_of_a_group_has_a_dotted_flag_and_its_docstring() -> None:
    lr = {option.key: option for option in options(ToyConfig)}["optim.lr"]
    assert (lr.typed, lr.description, lr.group) == ("--optim.lr", "Step size.", Optim)


def test_how_to_run_is_not_part_of_what_is_recorded() -> None:
    config = load(ToyConfig, None, NEEDED | {"workers": "3", "overwrite": "true"})
    assert not {"workers", "overwrite", "verify"} & config.model_dump().keys()
