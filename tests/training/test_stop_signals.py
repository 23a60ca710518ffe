import os
import signal

import pytest

from lmkit.training.stop_signals import SIGNALS, stop_signals


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_a_flag_and_the_old_handler_is_restored(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals() as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), number)
        assert should_stop()
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_ends_at_once() -> None:
    with stop_signals(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
