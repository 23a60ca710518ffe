import pytest

from lmkit.execution.progress import say
from lmkit.execution.ranks import rank, ranks


def test_alone_it_is_the_first_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (rank(), ranks()) == (0, 1)


def test_a_launcher_says_which_one_it_is_and_only_the_first_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for number in ("0", "1"):
        monkeypatch.setenv("RANK", number)
        assert (rank(), ranks()) == (int(number), 2)
        say(f"from {number}")
    assert capsys.readouterr().err == "from 0\n"
