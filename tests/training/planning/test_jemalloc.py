import os
import sys
from pathlib import Path

import pytest

from lmkit.training.planning import jemalloc
from lmkit.training.planning.jemalloc import SETTINGS, loaded_allocator, restart_with_jemalloc

Calls = list[tuple[str, list[str], dict[str, str]]]


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    """Record restarts on a Linux without a GPU that has jemalloc."""
    calls: Calls = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "lmkit", "pretrain", "packed"])
    monkeypatch.setattr(jemalloc, "GPU", tmp_path / "nvidiactl")
    monkeypatch.setattr(jemalloc, "_library", lambda: "libjemalloc.so.2")
    monkeypatch.setattr(os, "environ", {"HOME": "/home/me"})
    return calls


def kept() -> dict[str, str]:
    """Return the environment, without what pytest adds."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}


def test_the_same_command_is_started_once_more_under_jemalloc(restarts: Calls) -> None:
    restart_with_jemalloc()
    ((program, arguments, environment),) = restarts
    assert program == arguments[0] == sys.executable
    assert arguments[1:] == ["-m", "lmkit", "pretrain", "packed"]
    assert environment["LD_PRELOAD"] == "libjemalloc.so.2" and environment["HOME"] == "/home/me"


def test_the_new_process_neither_restarts_nor_passes_it_on(
    restarts: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart_with_jemalloc()
    monkeypatch.setattr(os, "environ", restarts[0][2])
    restart_with_jemalloc()
    assert len(restarts) == 1
    assert kept() == {"HOME": "/home/me"}


def test_settings_of_the_user_are_kept(restarts: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"MALLOC_CONF": "thp:never"})
    restart_with_jemalloc()
    monkeypatch.setattr(os, "environ", restarts[0][2])
    assert os.environ["MALLOC_CONF"] == "thp:never" != SETTINGS
    restart_with_jemalloc()
    assert kept() == {"MALLOC_CONF": "thp:never"}


@pytest.mark.parametrize("reason", ["no library", "another allocator", "a GPU", "another system"])
def test_nothing_restarts_where_it_would_not_help(
    restarts: Calls, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    if reason == "no library":
        monkeypatch.setattr(jemalloc, "_library", lambda: None)
    elif reason == "another allocator":
        monkeypatch.setattr(os, "environ", {"LD_PRELOAD": "libtcmalloc.so.4"})
    elif reason == "a GPU":
        jemalloc.GPU.touch()
    else:
        monkeypatch.setattr(sys, "platform", "darwin")
    restart_with_jemalloc()
    assert not restarts


@pytest.mark.parametrize("name", ["jemalloc", "mimalloc", None])
def test_a_preloaded_allocator_is_found_in_the_map_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    maps = tmp_path / "maps"
    maps.write_text(f"7f00-7f01 r-xp 0 08:01 1  /usr/lib/lib{name or 'c'}.so.2\n")
    monkeypatch.setattr(jemalloc, "MAPS", maps)
    assert loaded_allocator() == name
