import pydoc
from typing import Any

import pytest

import lmkit
from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.commands.registry import COMMANDS
from lmkit.config import CommandConfig, options
from lmkit.python.option_docs import documented
from tests.conftest import Lmkit


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_shows_every_option_with_its_docs(command: Any) -> None:
    config: type[CommandConfig] = getattr(lmkit, command.config_name)
    text = pydoc.render_doc(config, renderer=pydoc.plaintext)
    for option in options(config):
        assert f"{option.key}: " in text
        assert option.description and option.description.splitlines()[0] in text


def test_an_option_has_type_default_and_docs() -> None:
    lines = (documented(PretrainConfig).__doc__ or "").splitlines()
    entry = lines.index("log_every: int = 10")
    assert lines[entry + 1].startswith("    Steps between lines in the log")
    assert any(line.startswith("model.norm: 'layernorm' | 'rmsnorm' = 'rmsnorm'") for line in lines)
    assert 'model.layers is PretrainConfig(model={"layers": 2}).' in "\n".join(lines)


def test_the_command_line_shows_them_as_before(lmkit: Lmkit) -> None:
    before = lmkit("pretrain", "--help")
    documented(PretrainConfig)
    assert PretrainConfig.about() == "Train a model on packed folders, or resume a run."
    assert lmkit("pretrain", "--help") == before
