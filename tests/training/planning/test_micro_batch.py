from collections.abc import Callable
from typing import cast

import pytest
import torch

from lmkit.errors import LmkitError
from lmkit.model import attention_kernels as kernels
from lmkit.model.attention_kernels import kernels_on
from lmkit.model.cost import BatchShape, memory
from lmkit.model.options import ModelConfig
from lmkit.objectives.batch import Batch
from lmkit.training.checkpoints.run_folder import RunFolder
from lmkit.training.planning import micro_batch as fitting
from lmkit.training.planning.forecast import MARGIN
from lmkit.training.planning.micro_batch import (
    find_micro_batch,
    fits_by_estimate,
    largest_that_fits,
)


def test_the_largest_half_that_fits_is_taken() -> None:
    tried: list[int] = []
    assert largest_that_fits(100, lambda rows: (tried.append(rows), rows <= 13)[1]) == 12
    assert tried == [100, 50, 25, 12]
    assert largest_that_fits(3, lambda _: True) == 3


def test_where_no_sequence_fits_there_is_a_hint() -> None:
    with pytest.raises(LmkitError, match="not even one sequence") as error:
        largest_that_fits(8, lambda _: False)
    assert "--activation-checkpointing" in str(error.value.hint)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("has_amx", [False, True])
def test_on_a_cpu_the_estimate_decides(
    has_amx: bool, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_cpu_has_amx", lambda: has_amx)
    config = ModelConfig.model_validate({"preset": "tiny-decoder"})
    tokens = torch.zeros(4, 16, dtype=torch.long).numpy()
    batch = Batch(tokens_BT=tokens, positions_BT=tokens, documents_BT=tokens, targets_BT=tokens)
    cpu = torch.device("cpu")
    there = kernels_on(cpu, torch.bfloat16 if bf16 else torch.float32)
    needed = sum(memory(config, 600, BatchShape(4, 16), there, bf16=bf16, in_heap=True).values())
    enough = int(needed / MARGIN) + 1
    for free, fits in ((needed, False), (enough - 2, False), (enough, True), (None, True)):
        monkeypatch.setattr(fitting, "free_bytes", lambda _, free=free: free)
        assert fits_by_estimate(config, 600, batch, cpu, bf16=bf16) == fits


def test_a_process_needs_memory_for_its_part_of_the_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = ModelConfig.model_validate({"preset": "tiny-decoder"})
    tokens = torch.zeros(4, 16, dtype=torch.long).numpy()
    batch = Batch(tokens_BT=tokens, positions_BT=tokens, documents_BT=tokens, targets_BT=tokens)
    cpu = torch.device("cpu")
    parts = memory(config, 600, BatchShape(4, 16), kernels_on(cpu, torch.float32), in_heap=True)
    per_weight = sum(parts[part] for part in ("weights", "gradients", "optimizer"))
    needed = sum(parts.values()) - per_weight + per_weight // 4
    for free, fits in ((needed, False), (int(needed / MARGIN) + 1, True)):
        monkeypatch.setattr(fitting, "free_bytes", lambda _, free=free: free)
        assert fits_by_estimate(config, 600, batch, cpu, bf16=False, shards=4) == fits


def test_the_micro_batch_is_determined_once_per_run() -> None:
    class Folder:
        known: str | None = None

        def resolve(self, key: str, find: Callable[[], str]) -> str:
            assert key == "micro_batch"
            self.known = self.known or find()
            return self.known

    folder, cpu = cast(RunFolder, Folder()), torch.device("cpu")
    assert find_micro_batch(12, lambda rows: rows <= 4, cpu, folder) == 3
    assert find_micro_batch(12, lambda rows: False, cpu, folder) == 3
