"""Prompts of a run: those that its model would refuse are refused before."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lmkit.errors import ConfigError
from lmkit.training.evaluations.options import SampleConfig
from lmkit.training.evaluations.planned_prompts import plan_prompts, read_prompts, refuse_prompts
from tests.conftest import FAMILIES
from tests.training.evaluations.asked import write_prompts
from tests.training.evaluations.stand_ins import stand_in_of

Runs = Callable[[str], Path]
MASKED = {"bert": "The <mask> sat"} | dict.fromkeys(
    ("modernbert", "roberta", "xlnet", "t5"), "A <mask>"
)


def test_prompts_are_lines_and_blank_lines_are_none(here: Path) -> None:
    Path("prompts.txt").write_bytes("\ufeffone \r\n\n  \ntwo".encode())
    found = read_prompts(Path("prompts.txt"))
    assert [(each.prompt, each.location) for each in found] == [
        ("one ", "prompts.txt:1"),
        ("two", "prompts.txt:4"),
    ]
    with pytest.raises(ConfigError, match=r"--sample.prompts: cannot read \.: Is a directory"):
        read_prompts(Path())


def test_json_lines_have_prompts_with_suffixes_and_empty_ones(here: Path) -> None:
    Path("p.jsonl").write_text('{"prompt": ""}\n\n{"prompt": "a", "suffix": "b"}\n')
    found = read_prompts(Path("p.jsonl"))
    assert [(each.prompt, each.suffix) for each in found] == [("", ""), ("a", "b")]


def test_standard_input_is_refused_since_a_run_that_resumes_reads_it_again() -> None:
    with pytest.raises(ConfigError, match=r"--sample\.prompts: got -, must be a file"):
        read_prompts(Path("-"))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_takes_prompts_in_its_format(family: str, runs: Runs, here: Path) -> None:
    options = SampleConfig(prompts=write_prompts(Path("p.txt"), MASKED.get(family, "The cat")))
    planned = plan_prompts(options, stand_in_of(runs(family)))
    assert [line.prompt for line in planned.lines] == [MASKED.get(family, "The cat")]


@pytest.mark.parametrize(
    ("family", "prompt", "max_tokens", "message"),
    [
        ("bert", "no mask", None, "--sample.prompts: p.txt:2: got 'no mask'"),
        ("bert", "A <mask>", 7, "--sample.max-tokens: got 7"),
        ("gpt2", "word " * 99, None, "--sample.prompts: p.txt:2: has "),
        ("gpt2", "The", 200, "--sample.max-tokens: got 200, but after this prompt"),
    ],
)
def test_what_generate_would_refuse_is_refused(
    family: str, prompt: str, max_tokens: int | None, message: str, runs: Runs, here: Path
) -> None:
    path = write_prompts(Path("p.txt"), "", prompt)
    options = SampleConfig(prompts=path, max_tokens=max_tokens)
    with pytest.raises(ConfigError) as error:
        plan_prompts(options, stand_in_of(runs(family)))
    assert str(error.value).startswith(message) and error.value.hint


def test_processes_that_need_one_another_for_a_token_are_refused() -> None:
    refuse_prompts("ddp", 2)
    refuse_prompts("fsdp", 1)
    with pytest.raises(ConfigError, match="--parallel tensor") as error:
        refuse_prompts("tensor", 2)
    assert "lmkit generate" in str(error.value.hint)
