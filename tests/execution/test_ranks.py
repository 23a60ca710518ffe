import pytest

from lmkit.execution.progress import log_message
from lmkit.execution.ranks import rank, ranks


def test_without_a_launcher_the_rank_is_zero_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (rank(), ranks()) == (0, 1)


def test_a_launcher_sets_the_rank_and_only_rank_zero_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for number in ("0", "1"):
        monkeypatch.setenv("RANK", number)
        assert (rank(), ranks()) == (int(number), 2)
        log_message(f"from {number}")
    assert capsys.readouterr().err == "from 0\n"
