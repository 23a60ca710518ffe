import subprocess
from typing import Any

import pytest

from lmkit.diagnosis import rank_bandwidth
from lmkit.diagnosis.finding import Asked
from lmkit.diagnosis.rank_bandwidth import bandwidth_of, measure_bandwidth
from tests.diagnosis.asked import NOTHING_MEASURED


def test_two_processes_add_up_numbers() -> None:
    assert bandwidth_of("gloo", 2) > 1e6


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (subprocess.CalledProcessError(1, "x", stderr="a\nRuntimeError: refused\nb"), "refused"),
        (subprocess.CalledProcessError(3, "x", stderr=""), "exit code 3"),
        (subprocess.TimeoutExpired("x", 60), "no result within 60 s"),
        (ValueError(), "no number"),
    ],
)
def test_a_failure_is_shown_and_stops_nothing(
    error: Exception, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> float:
        raise error

    monkeypatch.setattr(rank_bandwidth, "bandwidth_of", fail)
    facts = measure_bandwidth(Asked(NOTHING_MEASURED.folder, measures=True)).facts
    assert shown in facts["all_reduce"]  # type: ignore[call-overload]
    assert "all_reduce" not in measure_bandwidth(NOTHING_MEASURED).facts
