import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lmkit.training.metrics import METRICS, TAGS, Metrics, Record, read, trim


def record(step: int, **changes: float) -> Record:
    known = {"loss": 1 / 3 * step, "lr": 1e-3 / 7, "gradient_norm": 0.1 + 0.2}
    return Record(step=step, tokens=64 * step, tokens_per_second=1e4 / 3, **(known | changes))


def write(run: Path, steps: range, after: int = 0, log_every: int = 1) -> None:
    with Metrics(run, after, log_every) as metrics:
        for step in steps:
            metrics.append(record(step))
        metrics.sync()


def in_tensorboard(run: Path, tag: str = "train/loss") -> list[tuple[int, float]]:
    board = EventAccumulator(str(run / "tensorboard"))
    board.Reload()
    return [(event.step, event.value) for event in board.Scalars(tag)]


def test_numbers_read_back_as_the_same_floats(tmp_path: Path) -> None:
    write(tmp_path, range(1, 4))
    assert list(read(tmp_path)) == [record(1), record(2), record(3)]


def test_a_line_has_the_promised_fields_and_a_validation_loss_where_measured(
    tmp_path: Path,
) -> None:
    with Metrics(tmp_path) as metrics:
        metrics.append(record(1))
        metrics.append(record(2, validation_loss=4.5))
    first, second = map(json.loads, (tmp_path / METRICS).read_text("utf-8").splitlines())
    fields = ["step", "tokens", "loss", "lr", "gradient_norm", "tokens_per_second"]
    assert list(first) == fields
    assert list(second) == [*fields, "validation_loss"]
    assert in_tensorboard(tmp_path, "validation/loss") == [(2, 4.5)]


def test_numbers_that_a_later_version_adds_cut_nothing_and_keep_their_bytes(
    tmp_path: Path,
) -> None:
    lines = "".join(
        record(step).as_json()[:-1] + f', "of_later": {{"x": [{step}]}}}}\n' for step in (1, 2, 3)
    )
    (tmp_path / METRICS).write_text(lines, "utf-8")
    assert list(read(tmp_path)) == [record(1), record(2), record(3)]
    trim(tmp_path, 2)
    assert (tmp_path / METRICS).read_text("utf-8") == "".join(lines.splitlines(True)[:2])


def test_scores_on_tasks_are_in_the_line_and_in_tensorboard_whatever_log_every_is(
    tmp_path: Path,
) -> None:
    tasks, groups = {"a/x": {"acc": 0.5, "perplexity": math.inf}}, {"a": {"acc": 1 / 3}}
    with Metrics(tmp_path, log_every=5) as metrics:
        metrics.append(replace(record(1), tasks=tasks, groups=groups))
        metrics.append(replace(record(2), tasks=tasks))
    first, second = map(json.loads, (tmp_path / METRICS).read_text("utf-8").splitlines())
    assert first["tasks"] == {"a/x": {"acc": 0.5, "perplexity": None}}
    assert first["groups"] == groups and "groups" not in second
    scored = next(iter(read(tmp_path)))
    assert scored.groups == groups and scored.tasks
    assert math.isnan(scored.tasks["a/x"]["perplexity"])
    assert in_tensorboard(tmp_path, "tasks/a/x/acc") == [(1, 0.5), (2, 0.5)]
    assert in_tensorboard(tmp_path, "groups/a/acc") == [(1, pytest.approx(1 / 3))]
    write(tmp_path, range(2, 4), after=1)
    assert in_tensorboard(tmp_path, "tasks/a/x/acc") == [(1, 0.5)]


def test_what_a_step_waited_computed_and_changed_is_in_tensorboard(tmp_path: Path) -> None:
    measured = replace(
        record(2, validation_loss=3.0),
        validation={"web": 3.5, "books": 2.5},
        data_wait_seconds=0.5,
        flops_per_second=1e9,
        mfu=0.25,
        memory_bytes=4096,
        gpu_utilization=0.75,
        update_ratio={"embedding": 0.125},
    )
    with Metrics(tmp_path, log_every=2) as metrics:
        metrics.append(measured)
    assert list(read(tmp_path)) == [measured]
    expected = {
        "train/tokens": 128,
        "validation/loss": 3.0,
        "validation/web": 3.5,
        "validation/books": 2.5,
        "train/data_wait_seconds": 0.5,
        "train/flops_per_second": 1e9,
        "train/mfu": 0.25,
        "train/update_ratio/embedding": 0.125,
        "system/memory_bytes": 4096,
        "system/gpu_utilization": 0.75,
    }
    for tag, value in expected.items():
        assert in_tensorboard(tmp_path, tag) == [(2, value)]


def test_every_number_of_a_step_has_a_tag() -> None:
    assert {field.name for field in fields(Record)} - TAGS.keys() == {"step"}


def test_a_text_in_tensorboard_is_no_markdown(tmp_path: Path) -> None:
    with Metrics(tmp_path) as metrics:
        metrics.add_text("samples/0", "# a\n<b>*c*", 3)
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    (event,) = board.Tensors("samples/0/text_summary")
    assert event.step == 3 and event.tensor_proto.string_val == [b"    # a\n    <b>*c*\n"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_null_in_valid_json(tmp_path: Path, value: float) -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is not JSON")

    with Metrics(tmp_path) as metrics:
        metrics.append(record(1, gradient_norm=value, validation_loss=value))
    line = json.loads((tmp_path / METRICS).read_text("utf-8"), parse_constant=refuse)
    assert line["gradient_norm"] is line["validation_loss"] is None
    assert math.isnan(next(iter(read(tmp_path))).gradient_norm)


def test_resuming_drops_what_comes_after_the_checkpoint_here_and_in_tensorboard(
    tmp_path: Path,
) -> None:
    write(tmp_path, range(1, 8))
    write(tmp_path, range(6, 10), after=5)
    assert [r.step for r in read(tmp_path)] == list(range(1, 10))
    assert [step for step, _ in in_tensorboard(tmp_path)] == list(range(1, 10))


def test_a_new_run_begins_with_no_line(tmp_path: Path) -> None:
    write(tmp_path, range(1, 8))
    write(tmp_path, range(1, 3))
    assert [r.step for r in read(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    "incomplete", [b'{"step": 4, "tok', b'{"step": 4}', b"\0\0\0\0\n", b"[]\n"]
)
def test_an_incomplete_line_after_a_crash_is_dropped(tmp_path: Path, incomplete: bytes) -> None:
    write(tmp_path, range(1, 4))
    whole = (tmp_path / METRICS).read_bytes()
    (tmp_path / METRICS).write_bytes(whole + incomplete)
    trim(tmp_path, 100)
    assert (tmp_path / METRICS).read_bytes() == whole


@pytest.mark.parametrize(
    "damaged",
    [
        *('"step": "2"', '"step": 2.5', '"tokens": "x"', '"tokens": null', '"loss": []'),
        *('"loss": 1e999', '"lr": "high"', '"lr": true', '"validation": {"a": "b"}'),
        f'"gradient_norm": 1{"0" * 400}',
    ],
)
def test_a_line_of_what_are_no_numbers_ends_the_file(tmp_path: Path, damaged: str) -> None:
    lines = [f"{record(step).as_json()}\n" for step in (1, 2, 3)]
    lines[1] = f"{lines[1][:-2]}, {damaged}}}\n"
    (tmp_path / METRICS).write_text("".join(lines), "utf-8")
    assert list(read(tmp_path)) == [record(1)]
    trim(tmp_path, 3)
    assert (tmp_path / METRICS).read_text("utf-8") == lines[0]


def test_trimming_keeps_the_bytes_of_the_other_lines_and_leaves_no_other_file(
    tmp_path: Path,
) -> None:
    write(tmp_path, range(1, 6))
    lines = (tmp_path / METRICS).read_bytes().splitlines(keepends=True)
    trim(tmp_path, 3)
    assert (tmp_path / METRICS).read_bytes() == b"".join(lines[:3])
    assert {path.name for path in tmp_path.iterdir()} == {METRICS, "tensorboard"}


def test_tensorboard_gets_every_nth_step_and_the_file_every_step(tmp_path: Path) -> None:
    write(tmp_path, range(1, 10), log_every=4)
    assert [step for step, _ in in_tensorboard(tmp_path)] == [4, 8]
    assert len(list(read(tmp_path))) == 9


def test_only_event_files_are_deleted_from_tensorboard(tmp_path: Path) -> None:
    write(tmp_path, range(1, 3))
    (tmp_path / "tensorboard" / "notes.txt").write_text("mine", "utf-8")
    write(tmp_path, range(3, 5), after=2)
    assert (tmp_path / "tensorboard" / "notes.txt").read_text("utf-8") == "mine"
