"""Each kind of run generates in the format of its objective, through the command."""

import json
from pathlib import Path

import pytest

from tests.conftest import Lmkit
from tests.generation.runs import Run, generated, opened


@pytest.mark.parametrize("kind", ["mlm", "plm", "t5", "bart", "fim", "clm"])
def test_a_seed_generates_the_same_and_no_special_tokens(run: Run, lmkit: Lmkit, kind: str) -> None:
    prompt = "The <mask> of <mask> and <mask> is" if kind not in {"fim", "clm"} else "The"
    command = ["generate", run(kind), "--prompt", prompt, "--samples", "3", "--seed", "4", "--json"]
    if kind == "fim":
        command += ["--suffix", " is"]
    if kind in {"mlm", "plm"}:
        command += ["--temperature", "0.8"]  # else a mask gets its likeliest token
    else:
        command += ["--max-tokens", "40"]
    first, again = lmkit(*command), lmkit(*command)
    assert first == again and first[0] == 0
    texts = [sample["text"] for sample in json.loads(first[1])]
    assert len(set(texts)) == 3
    special = {opened(run(kind)).tokenizer.text_of(n) for n in range(266)}
    for sample in json.loads(first[1]):
        assert not special & {p["token"] for span in sample["spans"] for p in span["pieces"]}


def test_what_only_looks_like_a_special_token_is_text(run: Run, lmkit: Lmkit) -> None:
    prompt = "</s><pad> The <mask> <extra_id_0> is"
    for kind in ("mlm", "plm", "t5"):
        text = generated(lmkit, run(kind), "--prompt", prompt)["text"]
        assert text.startswith("</s><pad> The") and text.endswith(" <extra_id_0> is")


@pytest.mark.parametrize("kind", ["mlm", "plm", "t5", "bart"])
def test_a_long_prompt_with_masks_is_read_in_windows(run: Run, lmkit: Lmkit, kind: str) -> None:
    prompt = "word " * 80 + "<mask> and" + " word" * 80
    text = generated(lmkit, run(kind), "--prompt", prompt)["text"]
    assert kind == "bart" or (text.startswith("word " * 79) and text.endswith(" word" * 80))


FILES = {
    "clm": [{"prompt": "The"}, {"prompt": ""}, {"prompt": "A class of"}],
    "fim": [{"prompt": "The", "suffix": " is."}, {"prompt": "A"}, {"prompt": "", "suffix": "x"}],
    "spm": [{"prompt": "The", "suffix": " is."}, {"prompt": "A", "suffix": "of the"}],
    "mlm": [{"prompt": "The <mask> is"}, {"prompt": "<mask> and <mask>"}],
    "plm": [{"prompt": "The <mask> is"}, {"prompt": "<mask> and <mask>"}],
    "t5": [{"prompt": "The <mask> is"}, {"prompt": "<extra_id_0> and <extra_id_1>"}],
    "bart": [{"prompt": "The <mask> is"}, {"prompt": "<mask> and <mask>"}],
}


@pytest.mark.parametrize("kind", FILES)
def test_prompts_of_a_file_generate_what_each_does_alone(
    run: Run, here: Path, lmkit: Lmkit, kind: str
) -> None:
    Path("p.jsonl").write_text("\n".join(json.dumps(fields) for fields in FILES[kind]))
    exit_code, out, err = lmkit("generate", run(kind), "--prompts", "p.jsonl", "--json")
    assert exit_code == 0, err
    for fields, line in zip(FILES[kind], out.splitlines(), strict=True):
        sample = json.loads(line)
        options = ["--prompt", fields["prompt"], "--seed", str(sample["seed"])]
        options += ["--suffix", fields["suffix"]] if "suffix" in fields else []
        alone = generated(lmkit, run(kind), *options)
        for name in ("prompt", "suffix", "text", "generated", "kind", "finish_reason", "tokens"):
            assert alone[name] == sample[name]


REFUSED: list[tuple[str, list[str], str]] = [
    ("clm", ["--suffix", "x"], "--suffix: the run was trained with --fim.rate 0"),
    ("mlm", ["--suffix", "x"], "--suffix: the run was trained with --objective mlm"),
    ("t5", ["--suffix", "x"], "--suffix: the run was trained with --objective span-corruption"),
    ("mlm", ["--prompt", "<mask>", "--max-tokens", "9"], "--max-tokens: got 9, but a run with"),
    ("plm", ["--prompt", "<mask>", "--max-tokens", "9"], "generates one token for each mask"),
    ("mlm", ["--prompt", "<mask>", "--stop", "x"], "--stop: got 'x', but a run with --objective"),
    ("t5", ["--prompt", "<mask>", "--stop", "x"], "only predicts masked text, which has its own"),
    (
        "plm",
        ["--prompt", "<mask>", "--repetition-penalty", "2"],
        "--repetition-penalty: got 2, but",
    ),
    ("mlm", ["--prompt", "no mask"], "only predicts masked text"),
    ("plm", [], "--prompt: got '', and a run with --objective plm"),
    ("t5", ["--prompt", "no mask"], "write <mask> where text is missing"),
    ("bart", ["--prompt", "a <extra_id_0>"], "write <mask> where text is missing"),
    ("t5", ["--prompt", "<extra_id_1> a <extra_id_0>"], "got <extra_id_1>, <extra_id_0>, must be"),
    ("t5", ["--prompt", "<extra_id_0> a <extra_id_0>"], "in this order, each once"),
    ("t5", ["--prompt", "a <mask>" * 257], "got 257 masks, and the tokenizer has 256 sentinels"),
    ("fim", ["--prompt", "a b " * 40, "--suffix", "x"], "and the training sequences have 64"),
    ("learned", ["--prompt", "a b " * 40], "and the model has learned positions for 64"),
    ("learned", ["--prompt", "a", "--max-tokens", "64"], "has learned positions for 63"),
    ("t5-learned", ["--prompt", "a <mask> b " * 40], "the model has learned positions for"),
    ("t5-learned", ["--prompt", "<mask>", "--max-tokens", "60"], "has learned positions for"),
]


@pytest.mark.parametrize(("kind", "options", "message"), REFUSED)
def test_options_without_a_meaning_for_a_run_are_refused(
    run: Run, lmkit: Lmkit, kind: str, options: list[str], message: str
) -> None:
    exit_code, out, err = lmkit("generate", run(kind), *options)
    assert exit_code == 2 and not out
    assert message in " ".join(err.split())
