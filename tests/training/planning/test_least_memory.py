import resource

import pytest
import torch

from lmkit.errors import ConfigError
from lmkit.model.options import ModelConfig
from lmkit.training.planning.least_memory import installed_bytes, refuse_too_large

CPU = torch.device("cpu")
LARGE = ModelConfig(hidden_size=65_536, heads=64, layers=1_000)


def test_a_model_that_fits_is_accepted() -> None:
    refuse_too_large(ModelConfig(), 32_768, "adamw", CPU, 1)


@pytest.mark.parametrize("algorithm", ["adamw", "muon"])
def test_a_model_beyond_the_machine_is_refused_with_the_numbers(algorithm: str) -> None:
    with pytest.raises(ConfigError, match=r"parameters.* alone need .* this machine has") as raised:
        refuse_too_large(LARGE, 32_768, algorithm, CPU, 1)
    assert "--model.hidden-size" in str(raised.value.hint)


def test_sharded_weights_need_a_part_on_each_process() -> None:
    refuse_too_large(LARGE, 32_768, "adamw", CPU, 1_000_000)


def test_a_limit_of_the_shell_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 20, 1 << 20))
    assert installed_bytes(CPU) == 1 << 20
    with pytest.raises(ConfigError, match=r"1\.0 MB"):
        refuse_too_large(ModelConfig(), 32_768, "adamw", CPU, 1)
