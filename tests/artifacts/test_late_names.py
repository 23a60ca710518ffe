from pathlib import Path

import pytest

from lmkit.artifacts import late_names
from lmkit.artifacts.late_names import Patience


def test_a_file_is_there_in_the_size_that_was_written_or_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert Patience().finds(tmp_path / "a", 3)
    assert not Patience().finds(tmp_path / "a", 4)
    assert not Patience().finds(tmp_path / "b", 0)
    assert not Patience().finds(tmp_path / "a" / "b", 0)


def test_a_name_that_is_hidden_for_a_while_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    hidden = [None, None, 0, 3]
    opened: list[object] = []
    monkeypatch.setattr(late_names, "size_of", lambda path: hidden.pop(0))
    monkeypatch.setattr(late_names, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(late_names.os, "open", lambda path, _: opened.append(path) or 9)
    monkeypatch.setattr(late_names.os, "close", lambda _: None)
    assert Patience(60).finds(tmp_path / "a", 3)
    assert opened == [tmp_path] * 2, "what was missing is looked up again"


def test_all_that_is_missing_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(late_names.time, "sleep", pauses.append)
    patience = Patience(3.0)
    assert not any(patience.finds(tmp_path / str(n), 1) for n in range(100))
    assert sum(pauses) == pytest.approx(3.0)
