"""What a run is built from."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.commands.pretrain.test_run import metrics
from tests.conftest import SMALL_RUN, Lmkit, manifest


def test_auto_determines_the_micro_batch_once(
    packed: Path, here: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lmkit.commands.pretrain.build_session as fitting

    real = fitting.fits_by_estimate
    tried: list[int] = []

    def fits(config: Any, size: int, batch: Any, *rest: Any, **more: Any) -> bool:
        tried.append(len(batch.tokens_BT))
        return real(config, size, batch, *rest, **more) and len(batch.tokens_BT) <= 2

    monkeypatch.setattr(fitting, "fits_by_estimate", fits)
    command = ["pretrain", packed, *SMALL_RUN, "--output", "run", "--micro-batch", "auto"]
    exit_code, _, err = lmkit(*command, "--steps", "2")
    assert exit_code == 0 and tried == [8, 4, 2]
    assert "8 sequences of 32 tokens, 2 at a time" in err
    assert lmkit(*command, "--steps", "3")[0] == 0 and tried == [8, 4, 2]


def test_without_held_out_sequences_nothing_is_measured(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    documents, tokenizer = packed.parent / "documents.jsonl", packed.parent / "tokenizer"
    packing = ("--tokenizer", tokenizer, "--sequence-length", "32", "--validation", "0")
    assert lmkit("pack", documents, *packing, "--output", "all")[0] == 0
    assert lmkit("pretrain", "all", *SMALL_RUN, "--output", "run", "--steps", "2")[0] == 0
    assert manifest(Path("run"))["details"]["validation_loss"] is None
    assert not any("validation_loss" in line for line in metrics(Path("run")))


@pytest.mark.parametrize("precision, expected", [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_muon_multiplies_in_the_precision_of_the_run(
    precision: str,
    expected: torch.dtype,
    packed: Path,
    here: Path,
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lmkit.training.optimizers import muon

    real = muon.orthogonalized
    seen: set[torch.dtype] = set()

    def recorded(x_NRC: torch.Tensor) -> torch.Tensor:
        seen.add(x_NRC.dtype)
        return real(x_NRC)

    monkeypatch.setattr(muon, "orthogonalized", recorded)
    command = ["pretrain", packed, *SMALL_RUN, "--output", "run", "--optim.algorithm", "muon"]
    assert lmkit(*command, "--precision", precision, "--steps", "1")[0] == 0
    assert lmkit(*command, "--precision", precision, "--steps", "2", "--dry-run")[0] == 0
    assert seen == {expected}
