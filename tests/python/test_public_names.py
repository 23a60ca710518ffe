import pickle
import subprocess
import sys

import pytest

import lmkit
from lmkit.commands.registry import COMMANDS
from lmkit.python.public_names import OTHERS, public


def test_every_command_has_its_function_and_options() -> None:
    names = {name for each in COMMANDS for name in (each.config_name, each.function_name)}
    assert set(dir(lmkit)) == set(lmkit.__all__) <= names | OTHERS.keys()
    for name in names | OTHERS.keys():
        assert getattr(lmkit, name).__name__ == name


def test_an_unknown_name_is_no_attribute() -> None:
    for get in (lambda: lmkit.cleen, lambda: public("cleen")):  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="module 'lmkit' has no attribute 'cleen'"):
            get()


def test_a_function_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(lmkit.pack)) is lmkit.pack
    assert "`datasets.Dataset`" in (lmkit.clean.__doc__ or "")


def test_options_need_no_torch() -> None:
    script = "import lmkit, sys; lmkit.PretrainConfig, lmkit.clean; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert done.stdout == b"False\n"
