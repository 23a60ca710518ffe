from collections.abc import Callable
from typing import cast

import pytest
import torch

from lmkit.errors import LmkitError
from lmkit.model.cost import Rows, memory
from lmkit.model.options import ModelConfig
from lmkit.objectives.batch import Batch
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.planning import micro_batch as fitting
from lmkit.training.planning.micro_batch import find_rows, fits_by_estimate, halved


def test_it_takes_the_first_half_that_fits() -> None:
    tried: list[int] = []
    assert halved(100, lambda rows: (tried.append(rows), rows <= 13)[1]) == 12
    assert tried == [100, 50, 25, 12]
    assert halved(3, lambda _: True) == 3


def test_where_no_row_fits_it_says_what_to_do() -> None:
    with pytest.raises(LmkitError, match="not even one row") as error:
        halved(8, lambda _: False)
    assert "--activation-checkpointing" in str(error.value.hint)


def test_on_a_cpu_the_estimate_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig.model_validate({"preset": "tiny-decoder"})
    tokens = torch.zeros(4, 16, dtype=torch.long).numpy()
    batch = Batch(tokens_BT=tokens, positions_BT=tokens, documents_BT=tokens, targets_BT=tokens)
    needed = sum(memory(config, 600, Rows(4, 16, 0, 0)).values())
    cpu = torch.device("cpu")
    for free, fits in ((needed, False), (2 * needed, True), (None, True)):
        monkeypatch.setattr(fitting, "free_bytes", lambda _, free=free: free)
        assert fits_by_estimate(config, 600, batch, cpu, bf16=False) == fits


def test_what_fitted_is_found_out_once_a_run() -> None:
    class Folder:
        known: str | None = None

        def resolve(self, key: str, find: Callable[[], str]) -> str:
            assert key == "micro_batch"
            self.known = self.known or find()
            return self.known

    folder, cpu = cast(RunFolder, Folder()), torch.device("cpu")
    assert find_rows(12, lambda rows: rows <= 4, cpu, folder) == 3
    assert find_rows(12, lambda rows: False, cpu, folder) == 3
