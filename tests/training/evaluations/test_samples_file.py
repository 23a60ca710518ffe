"""The lines of samples.jsonl, and what is shown of them."""

import json
from pathlib import Path

import pytest

from lmkit.training.evaluations.samples_file import SAMPLES, Sample, SamplesFile, read_samples

Added = list[tuple[str, str, int]]


def write(run: Path, steps: range, after: int = 0) -> Added:
    """Write two texts after each step; return all that TensorBoard got."""
    added: Added = []
    file = SamplesFile(run, after, lambda *text: added.append(text))
    for step in steps:
        file.append([Sample(step, "a", f"a {step}", ended=True), Sample(step, "b", "b", False)])
    return added


def steps_of(run: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (run / SAMPLES).read_text().splitlines()]


def test_a_run_without_texts_has_no_file(tmp_path: Path) -> None:
    assert write(tmp_path, range(0)) == [] and not (tmp_path / SAMPLES).exists()


def test_resuming_drops_what_comes_after_the_checkpoint_here_and_in_tensorboard(
    tmp_path: Path,
) -> None:
    write(tmp_path, range(1, 5))
    added = write(tmp_path, range(3, 6), after=2)
    assert steps_of(tmp_path) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert added[:2] == [("samples/0", "a 1", 1), ("samples/1", "b", 1)]
    assert [step for _, _, step in added] == steps_of(tmp_path)


@pytest.mark.parametrize("incomplete", [b'{"step": 4, "pro', b"[]\n", b"\0\0\n"])
def test_an_incomplete_line_after_a_crash_is_dropped(tmp_path: Path, incomplete: bytes) -> None:
    write(tmp_path, range(1, 3))
    whole = (tmp_path / SAMPLES).read_bytes()
    (tmp_path / SAMPLES).write_bytes(whole + incomplete)
    write(tmp_path, range(0), after=9)
    assert (tmp_path / SAMPLES).read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == [SAMPLES]


def test_what_is_shown_is_one_short_line_without_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = SamplesFile(tmp_path, 0, lambda *_: None)
    file.append([Sample(7, "a", "a\n\x1b[2J\u202e" + 200 * "b", ended=False)])
    err = capsys.readouterr().err
    assert err.startswith("step 7: a\\n\\x1b[2J\\u202ebbb") and err.endswith("bbb ...\n")
    assert err.count("\n") == 1 and "\x1b" not in err


@pytest.mark.parametrize(
    "changed", [{"step": "1"}, {"prompt": 1}, {"text": False}, {"ended": 1}, {"step": True}]
)
def test_a_sample_of_other_kinds_is_no_sample(tmp_path: Path, changed: dict[str, object]) -> None:
    line = {"step": 1, "prompt": "a", "text": "ab", "ended": True}
    (tmp_path / SAMPLES).write_text(json.dumps(line) + "\n" + json.dumps(line | changed) + "\n")
    assert len(list(read_samples(tmp_path / SAMPLES))) == 1
