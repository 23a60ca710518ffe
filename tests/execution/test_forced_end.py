import os
import signal
import subprocess
import sys
import time

import pytest

from lmkit.execution.forced_end import forced_end

COMPUTES_FOR_EVER = """
import signal, sys
from lmkit.execution.forced_end import forced_end
def interrupt(*_): raise KeyboardInterrupt
signal.signal(signal.SIGTERM, interrupt)
with forced_end({interrupt}, 130):
    print("ready", flush=True)
    import hashlib
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def test_a_process_in_a_library_ends_within_seconds_of_a_signal() -> None:
    command = [sys.executable, "-c", COMPUTES_FOR_EVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == b"Error: interrupted\nHint: the same command resumes\n"
    assert time.monotonic() - start < 30


def test_python_code_is_interrupted_as_ever() -> None:
    before = signal.set_wakeup_fd(-1)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), forced_end({interrupt}, 130):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(10)
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert signal.set_wakeup_fd(before) == -1
