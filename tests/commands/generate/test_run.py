import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch

from lmkit import generate
from lmkit.commands.generate.options import GenerateConfig
from lmkit.commands.generate.run import result_parts
from lmkit.generation.prompts import PromptRunner
from lmkit.training.checkpoints.trained_model import open_run
from tests.conftest import Lmkit

PROMPTS = ["The ", "A value of the class", "", "def", "The statement is executed " * 9, "x"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute on one thread: for tiny models several take longer, where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_temperature_zero_generates_the_most_likely_tokens(trained: Path) -> None:
    (sample,) = generate(GenerateConfig(run=trained, prompt="The ", temperature=0, max_tokens=6))
    opened = open_run(trained, torch.device("cpu"))
    ids = [opened.description.bos or 0, *opened.tokenizer.encode("The ").tolist()]
    banned = sorted(set(opened.tokenizer.special.tolist()) - {opened.description.eos})
    for _ in range(6):
        with torch.no_grad():
            logits = opened.model(torch.tensor([ids]), torch.arange(len(ids))[None])[0, -1]
        logits[banned] = -torch.inf
        if int(logits.argmax()) == opened.description.eos:
            break
        ids.append(int(logits.argmax()))
    assert sample.text == opened.tokenizer.decode(ids)


def test_a_seed_generates_the_same_and_samples_differ(trained: Path, lmkit: Lmkit) -> None:
    command = ["generate", trained, "--prompt", "The ", "--samples", "2", "--seed", "5", "--json"]
    first, again = lmkit(*command), lmkit(*command)
    assert first == again
    one, two = json.loads(first[1])
    assert one["text"] != two["text"]
    assert one["text"].startswith("The ")
    assert one["text"] == json.loads(lmkit(*[*command, "--samples", "1"])[1])[0]["text"]


def test_without_a_prompt_a_new_document_is_generated(trained: Path, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("generate", trained, "--max-tokens", "5")
    assert exit_code == 0 and out


def test_prompt_and_text_may_be_longer_than_training_sequences(trained: Path, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("generate", trained, "--prompt", "word " * 90, "--max-tokens", "40")
    assert exit_code == 0 and out.startswith("word " * 90)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--temperature", "-1"], "--temperature: got -1, must be at least 0"),
        (["--top-p", "0"], "--top-p: got 0, must be more than 0"),
        (["--top-k", "many"], "--top-k: got many, must be a whole number"),
        (["--min-p", "1.5"], "--min-p: got 1.5, must be at most 1"),
        (["--repetition-penalty", "0"], "--repetition-penalty: got 0, must be more than 0"),
        (["--batch", "0"], "--batch: got 0, must be at least 1"),
        (["--stop", "x", "--stop", ""], "--stop: got nothing, must be a text that ends"),
        (["--prompts", ""], "--prompts: got nothing, must be a path"),
        (["--prompts", "none.txt"], "--prompts: cannot read none.txt: No such file"),
        (["--prompts", "p.txt", "--prompt", "a"], "--prompt: cannot be used with --prompts"),
        (["--prompts", "p.txt", "--suffix", "a"], "--suffix: cannot be used with --prompts"),
    ],
)
def test_invalid_settings_are_refused(
    trained: Path, lmkit: Lmkit, flags: list[str], message: str
) -> None:
    exit_code, _, err = lmkit("generate", trained, *flags)
    assert exit_code == 2 and message in err


def test_a_replaced_tokenizer_is_refused(trained: Path, here: Path, lmkit: Lmkit) -> None:
    shutil.copytree(trained, "run")
    path = Path("run/tokenizer/tokenizer.json")
    path.write_text(path.read_text() + "\n")
    exit_code, _, err = lmkit("generate", "run")
    assert exit_code == 2 and "not the tokenizer that run/model.json was trained with" in err


def test_a_run_with_only_corrupt_checkpoints_is_refused(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    shutil.copytree(trained, "run")
    for path in Path("run/checkpoints").glob("step-*/model.safetensors"):
        path.write_bytes(path.read_bytes()[:99])
    exit_code, _, err = lmkit("generate", "run")
    assert exit_code == 1 and "no intact checkpoint" in err and "is corrupt" in err


@pytest.mark.parametrize("prompt", ["caf\udce9", "The \ud800"])
def test_bytes_that_are_not_utf8_give_json_that_every_parser_takes(
    trained: Path, lmkit: Lmkit, prompt: str
) -> None:
    exit_code, out, _ = lmkit(
        "generate", trained, "--prompt", prompt, "--max-tokens", "3", "--json"
    )
    (sample,) = orjson.loads(out)
    assert exit_code == 0 and sample["prompt"] == prompt[:-1] + "\ufffd"


def written(lmkit: Lmkit, run: Path, *options: str | Path) -> list[dict[str, Any]]:
    """Generate with --json, and return the objects of its lines."""
    exit_code, out, err = lmkit("generate", run, "--max-tokens", "12", *options, "--json")
    assert exit_code == 0, err
    return [orjson.loads(line) for line in out.splitlines()]


def without_probabilities(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what rounding changes."""
    return [{k: v for k, v in sample.items() if k != "spans"} for sample in samples]


@pytest.mark.parametrize("temperature", ["0", "1"])
def test_prompts_of_a_file_give_the_same_texts_for_any_batch_and_one_by_one(
    trained: Path, here: Path, lmkit: Lmkit, temperature: str
) -> None:
    Path("p.txt").write_text("\n".join(PROMPTS))
    options = ["--prompts", "p.txt", "--temperature", temperature, "--samples", "2"]
    found = [
        without_probabilities(written(lmkit, trained, *options, "--batch", size))
        for size in ("1", "5", "64")
    ]
    assert found[0] == found[1] == found[2]
    assert [sample["prompt"] for sample in found[0]] == [p for p in PROMPTS for _ in range(2)]
    for sample in found[0][1::2]:
        alone = ["--prompt", sample["prompt"], "--seed", str(sample["seed"])]
        (both,) = written(lmkit, trained, *alone, "--temperature", temperature, "--samples", "2")
        assert without_probabilities(both)[1] == sample


def test_json_lines_have_the_prompt_what_was_generated_and_why_it_ended(
    trained: Path, here: Path, lmkit: Lmkit
) -> None:
    Path("p.jsonl").write_text('{"prompt": "The\\n", "id": 7}\n\n{"prompt": "A"}\n')
    found = written(lmkit, trained, "--prompts", "p.jsonl")
    assert [sample["prompt"] for sample in found] == ["The\n", "A"]
    for sample in found:
        assert sample["text"] == sample["prompt"] + sample["generated"]
        assert sample["kind"] == "continuation" and sample["sample"] == 0
        assert sample["finish_reason"] in {"length", "eos"}
        assert sample["tokens"] == len(sample["spans"][0]["pieces"]) <= 12


def test_prompts_from_standard_input_are_printed_in_order(
    trained: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(PROMPTS).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    exit_code, out, _ = lmkit("generate", trained, "--prompts", "-", "--max-tokens", "3")
    assert exit_code == 0
    texts = out.removesuffix("\n").split("\n\n---\n\n")
    assert all(text.startswith(prompt) for text, prompt in zip(texts, PROMPTS, strict=True))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", b"a\n\xff\n", "p.txt:2: not UTF-8"),
        ("p.jsonl", b'{"prompt": "a"}\n{"text": "a"}', "p.jsonl:2: no field 'prompt', only text"),
        ("p.jsonl", b'{"prompt": "a", "suffix": "b"}', "p.jsonl:1: --suffix: the run was trained"),
        ("p.txt", b"", "--prompts: p.txt has no prompts"),
    ],
)
def test_a_wrong_line_is_refused_before_anything_is_generated(
    trained: Path, here: Path, lmkit: Lmkit, name: str, content: bytes, message: str
) -> None:
    Path(name).write_bytes(content)
    exit_code, out, err = lmkit("generate", trained, "--prompts", name)
    assert (exit_code, out) == (2, "") and message in err


def test_no_more_prompts_are_read_than_a_batch_holds(
    trained: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("p.txt").write_text("The\n" * 1000)
    sizes: list[int] = []
    write_all = PromptRunner.write_all

    def counting(self: PromptRunner, prompts: Any, seeds: Any) -> Any:
        sizes.append(len(prompts))
        return write_all(self, prompts, seeds)

    monkeypatch.setattr(PromptRunner, "write_all", counting)
    config = GenerateConfig(run=trained, prompts=Path("p.txt"), batch=3, max_tokens=2)
    parts = result_parts(config, True)
    assert [json.loads(next(parts))["prompt"] for _ in range(7)] == ["The"] * 7
    assert sizes == [3, 3, 3]


def test_a_stop_text_ends_the_text_and_is_not_part_of_it(trained: Path, lmkit: Lmkit) -> None:
    options = ["--prompt", "The ", "--seed", "2", "--max-tokens", "20"]
    _, out, _ = lmkit("generate", trained, *options)
    stop = out.removesuffix("\n")[12:15]
    exit_code, found, _ = lmkit("generate", trained, *options, "--stop", "~~~", "--stop", stop)
    assert exit_code == 0
    assert found == "The " + out.removeprefix("The ").partition(stop)[0] + "\n"
    ((sample,),) = written(lmkit, trained, *options, "--stop", stop)
    assert sample["finish_reason"] == "stop" and stop not in sample["generated"]


def test_a_repetition_penalty_and_min_p_change_what_is_sampled(trained: Path, lmkit: Lmkit) -> None:
    greedy = ["--prompt", "The ", "--temperature", "0", "--max-tokens", "40"]
    plain, penalized = (
        lmkit("generate", trained, *greedy, *more)[1]
        for more in ([], ["--repetition-penalty", "5"])
    )
    assert len(set(penalized.split())) > len(set(plain.split()))
    hot = ["--prompt", "The ", "--max-tokens", "40", "--temperature", "2", "--min-p", "1"]
    likeliest = lmkit("generate", trained, *hot)[1]
    assert likeliest == plain  # only what is as likely as the likeliest remains


def test_a_text_is_printed_while_it_grows(trained: Path) -> None:
    config = GenerateConfig(run=trained, prompt="The ", samples=2, max_tokens=30, seed=1)
    parts = list(result_parts(config, False))
    first, second = generate(config)
    assert "".join(parts) == f"{first.text}\n\n---\n\n{second.text}\n"
    assert len([part for part in parts if part]) > 30


def test_from_python_nothing_is_printed(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert generate(GenerateConfig(run=trained, prompt="The ", max_tokens=3))
    assert capsys.readouterr().out == ""


def test_control_characters_are_escaped_on_a_terminal_and_kept_in_a_pipe(
    trained: Path, lmkit: Lmkit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["generate", trained, "--temperature", "50", "--max-tokens", "150"]
    _, piped, _ = lmkit(*command)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, shown, _ = lmkit(*command)
    controls = {c for c in piped if ord(c) < 32 and c not in "\n\t"}
    assert controls and not controls & set(shown)
    assert shown.replace("\\x00", "\0").startswith(piped[:1].replace("\x1b", "\\x1b"))
    assert all(ascii(control)[1:-1] in shown or control == "\r" for control in controls)


COMMAND = [sys.executable, "-m", "lmkit", "generate"]


def test_an_interrupted_text_stays_on_the_terminal(trained: Path) -> None:
    master, slave = pty.openpty()
    run = subprocess.Popen(
        [*COMMAND, trained, "--prompt", "The value", "--max-tokens", "100000"],
        stdin=slave,
        stdout=slave,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(slave)
    out = b""
    try:
        while len(out) < 40:
            out += os.read(master, 1000)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
        out += os.read(master, 1_000_000)
    finally:
        run.kill()
        os.close(master)
    assert run.returncode == 130
    assert out.startswith(b"The value") and out.endswith(b"\n")
    assert b"Error: interrupted" in err and b"Traceback" not in err


def test_a_closed_pipe_ends_quietly(trained: Path) -> None:
    command = [*COMMAND, str(trained), "--prompt", "The value", "--max-tokens", "100000"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None and run.stderr is not None
    assert run.stdout.read(9) == b"The value"
    run.stdout.close()
    assert run.stderr.read() == b""
    assert run.wait(timeout=60) != 0
