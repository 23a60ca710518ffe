import hashlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lmkit.errors import LmkitError
from lmkit.training.checkpoints.layout import (
    CHECKPOINTS,
    choose_checkpoint,
    find_corruption,
    read_index,
)
from lmkit.training.checkpoints.save_load import load, save, snapshot
from lmkit.training.optimizer import optimizer_of, update
from lmkit.training.options import OptimConfig
from tests.benchmarks.kill_saves import killed_while_saving
from tests.training.tiny import TinyModel

FILES = ["manifest.json", "model.safetensors", "optimizer.safetensors", "state.json"]


class Trained:
    """A model and an optimizer whose every number depends on their step."""

    def __init__(self, step: int = 0) -> None:
        self.model = TinyModel()
        self.optimizer = optimizer_of(self.model.named_parameters(), OptimConfig(lr=1e-3))
        for _ in range(step):
            for number, parameter in enumerate(self.model.parameters()):
                parameter.grad = torch.full_like(parameter, 0.1 + number)
            update(self.optimizer, None)

    def save(self, run: Path, step: int, keep: int = 2, **state: Any) -> Path:
        copy = snapshot(self.model, self.optimizer)
        return save(run, step, copy, {"step": step, **state}, keep)

    def load(self, run: Path) -> tuple[int, list[str]]:
        warnings: list[str] = []
        state = load(run, self.model, self.optimizer, warnings.append)
        return state["step"], warnings

    def assert_equals(self, other: "Trained") -> None:
        for mine, others in zip(self.model.parameters(), other.model.parameters(), strict=True):
            assert torch.equal(mine, others)
            ours, hf_checkpoint = self.optimizer.state[mine], other.optimizer.state[others]
            assert ours.keys() == hf_checkpoint.keys()
            assert all(torch.equal(ours[key], hf_checkpoint[key]) for key in ours)


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / CHECKPOINTS).iterdir())


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    trained, fresh = Trained(3), Trained()
    folder = trained.save(tmp_path, 3, tokens=1234)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert fresh.load(tmp_path) == (3, [])
    fresh.assert_equals(trained)
    assert fresh.model.head.weight is fresh.model.embedding.weight


def test_tied_weights_are_stored_once_and_moments_by_name(tmp_path: Path) -> None:
    folder = Trained(1).save(tmp_path, 1)
    weights = load_file(folder / "model.safetensors")
    assert sorted(weights) == [
        "embedding.weight",
        "hidden.bias",
        "hidden.weight",
        "norm.bias",
        "norm.weight",
    ]
    moments = load_file(folder / "optimizer.safetensors")
    assert sorted(moments) == sorted(
        f"{name}.{key}" for name in weights for key in ("exp_avg", "exp_avg_sq", "step")
    )


def test_moments_are_matched_by_name_with_other_parameter_groups(tmp_path: Path) -> None:
    trained, other = Trained(2), Trained()
    trained.save(tmp_path, 2)
    backwards = list(other.model.parameters())[::-1]
    other.optimizer = torch.optim.AdamW(backwards, fused=True)
    other.load(tmp_path)
    other.assert_equals(trained)


def test_options_of_the_optimizer_come_from_the_run_and_not_from_the_file(tmp_path: Path) -> None:
    Trained(1).save(tmp_path, 1)
    other = Trained()
    other.optimizer = optimizer_of(
        other.model.named_parameters(), OptimConfig(lr=1e-3, weight_decay=0.7)
    )
    other.load(tmp_path)
    assert other.optimizer.param_groups[0]["weight_decay"] == 0.7


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (Trained(2).save(tmp_path / side, 2) for side in make_parts(tmp_path))
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in FILES)


def make_parts(folder: Path) -> tuple[str, str]:
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    return "a", "b"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("corruption", ["truncated", "emptied", "flipped", "removed"])
def test_a_corrupt_checkpoint_is_skipped_with_a_warning(
    tmp_path: Path, name: str, corruption: str
) -> None:
    older = Trained(1)
    older.save(tmp_path, 1)
    file = Trained(2).save(tmp_path, 2) / name
    content = bytearray(file.read_bytes())
    if corruption == "flipped":
        content[len(content) // 2] ^= 1 << 3
    file.write_bytes(
        {"truncated": content[: len(content) // 2], "emptied": b""}.get(corruption, content)
    )
    if corruption == "removed":
        file.unlink()
    fresh = Trained()
    step, (warning,) = fresh.load(tmp_path)
    assert step == 1
    assert "step-00000002" in warning and name in warning
    fresh.assert_equals(older)


def test_without_an_intact_checkpoint_there_is_an_error(tmp_path: Path) -> None:
    (Trained(1).save(tmp_path, 1) / "state.json").write_text("{}", "utf-8")
    with pytest.raises(LmkitError, match="no intact checkpoint"):
        Trained().load(tmp_path)


def test_the_last_few_and_the_best_are_kept(tmp_path: Path) -> None:
    for step, loss in enumerate([3.0, 2.0, 2.5, 2.75, None, 2.25], start=1):
        Trained().save(tmp_path, step, keep=2, validation_loss=loss)
    assert names(tmp_path) == ["index.json", "step-00000002", "step-00000005", "step-00000006"]
    index = json.loads((tmp_path / CHECKPOINTS / "index.json").read_text("utf-8"))
    assert index == {"latest": "step-00000006", "best": "step-00000002"}
    assert choose_checkpoint(tmp_path, pytest.fail).name == "step-00000002"


def test_without_a_validation_the_newest_is_chosen(tmp_path: Path) -> None:
    Trained().save(tmp_path, 1)
    Trained().save(tmp_path, 2)
    assert read_index(tmp_path).best is None
    assert choose_checkpoint(tmp_path, pytest.fail).name == "step-00000002"


def test_a_corrupt_best_is_replaced_by_the_newest(tmp_path: Path) -> None:
    best = Trained().save(tmp_path, 1, validation_loss=1.0)
    Trained().save(tmp_path, 2, validation_loss=2.0)
    (best / "model.safetensors").write_bytes(b"")
    warnings: list[str] = []
    assert choose_checkpoint(tmp_path, warnings.append).name == "step-00000002"
    assert "step-00000001" in warnings[0]


def test_a_rollback_deletes_later_checkpoints(tmp_path: Path) -> None:
    Trained().save(tmp_path, 5, validation_loss=2.0)
    damaged = Trained().save(tmp_path, 10, validation_loss=1.0)
    (damaged / "model.safetensors").write_bytes(b"")
    Trained().save(tmp_path, 7, keep=1)
    assert names(tmp_path) == ["index.json", "step-00000005", "step-00000007"]
    assert read_index(tmp_path).best == "step-00000005"


def test_a_corrupt_checkpoint_is_replaced_when_its_step_is_repeated(tmp_path: Path) -> None:
    (Trained(1).save(tmp_path, 1) / "model.safetensors").write_bytes(b"")
    again = Trained(1)
    assert find_corruption(again.save(tmp_path, 1)) is None


@pytest.mark.parametrize("damage", [b"{", b"{}\n{}", b"[1]", b"\xff"])
def test_a_state_that_is_no_object_is_corrupt_whatever_its_checksum_says(
    tmp_path: Path, damage: bytes
) -> None:
    checkpoint = Trained().save(tmp_path, 1)
    (checkpoint / "state.json").write_bytes(damage)
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    (output,) = (each for each in manifest["outputs"] if each["name"] == "state.json")
    output |= {"bytes": len(damage), "sha256": hashlib.sha256(damage).hexdigest()}
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    assert find_corruption(checkpoint) == "state.json is corrupt"


def test_a_model_of_another_shape_is_refused_by_the_name_of_a_weight(tmp_path: Path) -> None:
    Trained().save(tmp_path, 1)
    other = Trained()
    other.model.hidden = torch.nn.Linear(8, 9)
    with pytest.raises(LmkitError, match=r"such as hidden\.bias"):
        other.load(tmp_path)


def test_a_full_disk_leaves_the_older_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    Trained(1).save(tmp_path, 1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (900, before[1]))
        with pytest.raises(OSError, match=r"model\.safetensors"):
            Trained(2).save(tmp_path, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == ["index.json", "step-00000001"]
    assert Trained().load(tmp_path) == (1, [])


def killed_at(event: int, run: Path, trained: Trained) -> bool:
    """Save step 3 in a process that dies at its nth call to the file system; whether it did."""
    child = os.fork()  # nothing is computed in it: torch's threads don't survive a fork
    if child == 0:
        left = event

        def die(name: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            touched = name == "open" or name.startswith(("os.", "shutil."))
            if touched and str(run) in str(arguments):
                left -= 1
                if left == 0:
                    os._exit(9)

        sys.addaudithook(die)
        trained.save(run, 3, keep=1, validation_loss=1.0)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_save_that_is_killed_anywhere_leaves_a_checkpoint_and_is_cleaned_up(
    tmp_path: Path,
) -> None:
    at = [Trained(step) for step in range(5)]
    steps_found: set[int] = set()
    event, died = 0, True
    while died:
        event += 1
        run = tmp_path / str(event)
        run.mkdir()
        at[1].save(run, 1, keep=1, validation_loss=3.0)
        at[2].save(run, 2, keep=1, validation_loss=2.0)
        died = killed_at(event, run, at[3])
        fresh = Trained()
        step, warnings = fresh.load(run)
        steps_found.add(step)
        assert step in {2, 3} and warnings == []
        fresh.assert_equals(at[step])
        assert choose_checkpoint(run, pytest.fail).name in {"step-00000002", "step-00000003"}

        at[4].save(run, 4, keep=1, validation_loss=0.5)
        assert names(run) == ["index.json", "step-00000004"]
    assert steps_found == {2, 3}
    assert event > 30


def test_a_process_that_saves_continuously_can_be_killed_at_any_moment(tmp_path: Path) -> None:
    looked, bad = killed_while_saving(tmp_path / "run", kills=5)
    assert looked >= 5 and bad == 0
