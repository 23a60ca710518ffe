from pathlib import Path

import pytest

from lmkit.errors import OutputError
from lmkit.training.checkpoints.resolved_values import read_resolved, resolved_steps

DAMAGED = [
    *("", "{", "[]", "null", "\x00", '{"precision": 1}', '{"precision": ""}', "[" * 5_000),
    *('{"precision": "fp8"}', '{"micro_batch": "-1"}', '{"steps": 0}', '{"hours": NaN}'),
    *('{"hours": 1e999}', '{"tasks": 1}', '{"tracker_id": "../x"}', '{"steps": 1e30}'),
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_named_with_what_to_do(text: str, tmp_path: Path) -> None:
    (tmp_path / "resolved.json").write_text(text)
    with pytest.raises(OutputError, match=r"resolved\.json: damaged") as raised:
        read_resolved(tmp_path)
    assert "delete it" in str(raised.value.hint)


def test_values_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_resolved(tmp_path) == {}
    assert resolved_steps(tmp_path) is None
    (tmp_path / "resolved.json").write_text('{"precision": "bf16", "hours": 2, "steps": 7}')
    assert read_resolved(tmp_path) == {"precision": "bf16", "hours": 2, "steps": 7}
    assert resolved_steps(tmp_path) == (2, 7)
