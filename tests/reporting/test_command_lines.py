import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lmkit import cli
from lmkit.artifacts.manifest import Manifest, Plan, flat, read
from lmkit.commands.report.run import options_of
from lmkit.config import CommandConfig
from lmkit.config_values import load
from lmkit.reporting.command_lines import command_line, options_to_type, quoted
from tests.reporting.folders import HOSTILE


def typed_again(line: str, monkeypatch: pytest.MonkeyPatch) -> CommandConfig:
    """Let bash split a command line, and lmkit parse it."""
    script = f"lmkit() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    words = subprocess.run(["bash", "-c", script], check=True, capture_output=True).stdout
    found: list[CommandConfig] = []
    monkeypatch.setattr(cli, "_run_and_print", lambda _, config, **more: found.append(config))
    arguments = [word.decode("utf-8", "surrogateescape") for word in words.split(b"\0")[:-1]]
    assert cli.main(arguments) == 0
    return found[0]


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("clean", {"inputs": ["raw"], "output": "o"}),
    ("clean", {"inputs": ["a b", "c'd"], "output": "o", "filters.preset": "books", "seed": 3}),
    ("clean", {"inputs": ["x"], "output": "o", "filters.preset": "web", "language": "en,de"}),
    ("clean", {"inputs": ["x"], "output": "o", "filters.min_characters": "none", "source": ""}),
    ("clean", {"inputs": ["x"], "output": "o", "filters.rules": "gopher,c4-paper"}),
    ("clean", {"inputs": ["-x"], "output": "-o", "normalize.mojibake": False, "read.records": "-"}),
    ("clean", {"inputs": [HOSTILE], "output": "o\nrm -rf x", "text_template": "{a?}\n\n{b}"}),
    ("clean", {"inputs": ["caf\udce9"], "output": "o"}),
    ("dedup", {"inputs": ["x"], "output": "o", "decontamination.against": ["a", "b"]}),
    ("train-tokenizer", {"inputs": ["x"], "output": "o", "from": "other", "vocab_size": 600}),
    ("pack", {"inputs": ["x", "y"], "output": "o", "validation": "0.1", "separator": "none"}),
    ("pretrain", {"inputs": ["x"], "output": "o", "model.preset": "gpt2-small", "optim.lr": 3e-4}),
    ("pretrain", {"inputs": ["x", "y"], "output": "o", "mixture.weights": "0.7,0.3"}),
    ("eval", {"run": "-r", "task": ["a", "b"], "output": "o", "limit": 5}),
    ("export", {"inputs": ["x"], "output": "o"}),
]


@pytest.mark.parametrize(("stage", "typed"), COMMANDS)
def test_a_command_that_is_printed_parses_back_to_the_same_options(
    stage: str, typed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config_class = options_of(stage)
    assert config_class
    if typed.get("read.records") == "-":
        typed = {key: value for key, value in typed.items() if key != "read.records"}
    config = load(config_class, None, typed)
    recorded = json.loads(json.dumps(config.model_dump(mode="json")))
    line = command_line(Plan(stage=stage, lmkit="0", config=recorded, inputs=()), config_class)
    again = typed_again(line, monkeypatch)
    assert flat(again.model_dump(mode="json")) == flat(recorded), line


def test_what_a_preset_brings_is_not_written() -> None:
    config_class = options_of("clean")
    assert config_class
    typed = {"inputs": ["raw"], "output": "o", "filters.preset": "web"}
    recorded = load(config_class, None, typed).model_dump(mode="json")
    assert list(options_to_type(recorded, config_class)) == ["inputs", "output", "filters.preset"]


def test_the_commands_of_a_pipeline_are_those_that_were_typed(pipeline: Path) -> None:
    manifest = read(Manifest, pipeline / "work" / "packed" / "manifest.json")
    assert manifest
    line = command_line(manifest, options_of("pack"))
    assert shlex.split(line.replace("\\\n", "")) == [
        *("lmkit", "pack", "work/dedup", "--output", "work/packed", "--tokenizer"),
        *("work/tokenizer", "--sequence-length", "32", "--validation", "0.1"),
    ]


def test_an_unknown_command_is_a_comment() -> None:
    plan = Plan(stage="distill", lmkit="9", config={}, inputs=())
    assert command_line(plan, None).startswith("# lmkit distill")


@pytest.mark.parametrize("text", ["a", "a b", "'", HOSTILE, "\\\n\t", "caf\udce9", "é\x01é"])
def test_bash_reads_a_quoted_text_back(text: str) -> None:
    script = f"printf %s {quoted(text)}"
    found = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert found == text.encode("utf-8", "surrogateescape")
