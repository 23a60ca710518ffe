"""Each kind of run generates in the format of its objective, through the command."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lmkit.training.checkpoints.trained_model import TrainedModel, open_run
from tests.conftest import Lmkit, prose

SMALL = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256", "--steps", "3")
XLNET = ("--model.architecture", "encoder", "--model.position", "transformer-xl")
XLNET += ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "2")
T5 = ("--model.preset", "tiny-encoder-decoder", "--objective", "span-corruption")
LEARNED_POSITIONS = ("--model.layers", "1", "--model.hidden-size", "32", "--model.heads", "2")
LEARNED_POSITIONS += ("--model.position", "learned", "--model.max-positions", "80")
KINDS: dict[str, tuple[str, ...]] = {
    "clm": ("--model.preset", "tiny-decoder"),
    "learned": LEARNED_POSITIONS,
    "fim": ("--model.preset", "tiny-decoder", "--fim.rate", "0.9"),
    "spm": ("--model.preset", "tiny-decoder", "--fim.rate", "0.9", "--fim.spm-rate", "1"),
    "mlm": ("--model.preset", "tiny-encoder", "--objective", "mlm"),
    "plm": (*XLNET, "--objective", "plm"),
    "t5": T5,
    "bart": (*T5, "--span.style", "bart"),
    "t5-learned": (
        *(*LEARNED_POSITIONS, "--model.architecture", "encoder-decoder"),
        *("--objective", "span-corruption"),
    ),
}
Run = Callable[[str], Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Make a run of three steps, of a kind, at its first use."""
    from lmkit.cli import main

    folder = tmp_path_factory.mktemp("forms")
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(prose(60, 12)))
    (folder / "a.jsonl").write_text("\n".join(lines))
    tokenizer = ["--output", folder / "tokenizer", "--vocab-size", "700"]
    packing = ["--tokenizer", folder / "tokenizer", "--output", folder / "packed"]
    packing += ["--sequence-length", "64", "--validation", "0.2", "--packing", "best-fit"]
    for stage, options in (("train-tokenizer", tokenizer), ("pack", packing)):
        command = [stage, folder / "a.jsonl", *options]
        assert main([str(argument) for argument in command]) == 0

    def make(kind: str) -> Path:
        if not (folder / kind).exists():
            command = ["pretrain", folder / "packed", "--output", folder / kind, *SMALL]
            assert main([str(argument) for argument in [*command, *KINDS[kind]]]) == 0
        return folder / kind

    return make


def opened(path: Path) -> TrainedModel:
    return open_run(path, torch.device("cpu"))


def generated(lmkit: Lmkit, *command: str | Path) -> dict[str, Any]:
    exit_code, out, err = lmkit("generate", *command, "--json")
    assert exit_code == 0, err
    return json.loads(out)[0]


def logits(trained: TrainedModel, ids: list[int], **source_arguments: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return trained.model(torch.tensor([ids]), torch.arange(len(ids))[None], **source_arguments)[
            0
        ]


def greedy(step: Callable[[list[int]], torch.Tensor], start: list[int], count: int) -> list[int]:
    """Take the most likely id each time, without a cache; EOS is id 3."""
    ids = list(start)
    for _ in range(count):
        logits_V = step(ids).clone()
        logits_V[[n for n in range(266) if n != 3]] = -torch.inf  # special tokens come first
        token = int(logits_V.argmax())
        if token == 3:
            break
        ids.append(token)
    return ids[len(start) :]


@pytest.mark.parametrize("kind", ["fim", "spm"])
def test_a_middle_is_generated_after_the_special_tokens_in_the_order_of_training(
    run: Run, lmkit: Lmkit, kind: str
) -> None:
    trained = opened(run(kind))
    encode = trained.tokenizer.encode
    prefix, suffix = encode("The class").tolist(), encode(" of objects.").tolist()
    # <s> is 2, <fim_prefix> 7, <fim_middle> 8, <fim_suffix> 9; Bavarian et al., section 3.
    psm, spm = [2, 7, *prefix, 9, *suffix, 8], [2, 7, 9, *suffix, 8, *prefix]
    start = psm if kind == "fim" else spm
    middle = greedy(lambda ids: logits(trained, ids)[-1], start, 7)
    command = ["--prompt", "The class", "--suffix", " of objects.", "--temperature", "0"]
    result = generated(lmkit, run(kind), *command, "--max-tokens", "7")
    middle_text = trained.tokenizer.decode(middle)
    assert result["text"] == f"The class{middle_text} of objects."
    assert [p["token"] for p in result["spans"][0]["pieces"]] == [
        trained.tokenizer.text_of(token) for token in middle
    ]


@pytest.mark.parametrize("kind", ["mlm", "plm"])
def test_a_mask_is_filled_with_the_most_likely_word_that_fits_the_space(
    run: Run, lmkit: Lmkit, kind: str
) -> None:
    trained = opened(run(kind))
    tokenizer = trained.tokenizer
    left, right = tokenizer.encode("The").tolist(), tokenizer.encode(" of the class").tolist()
    ids = [2, *left, 4, *right, 3]
    mask_index = 1 + len(left)
    if kind == "mlm":
        logits_V = logits(trained, ids)[mask_index]
    else:
        order = torch.full((1, len(ids)), -1)
        order[0, mask_index] = 0
        queries = torch.tensor([[mask_index]])
        logits_V = logits(trained, ids, order_BT=order, queries_BQ=queries)[0]
    allowed = [n for n in range(266, tokenizer.size) if (tokenizer.text_of(n) or "")[0] == "\u0120"]
    p = logits_V.double()[allowed].softmax(-1)
    best = allowed[int(p.argmax())]
    result = generated(
        lmkit, run(kind), "--prompt", "The <mask> of the class", "--temperature", "0"
    )
    assert result["text"] == f"The{tokenizer.decode([best])} of the class"
    (span,) = result["spans"]
    assert span["probability"] == pytest.approx(float(p.max()), rel=1e-4)
    expected = p.sort(descending=True, stable=True).values[:5].tolist()
    assert [a["probability"] for a in span["alternatives"]] == pytest.approx(expected, rel=1e-4)


def test_spans_are_those_of_a_loop_without_a_cache(run: Run, lmkit: Lmkit) -> None:
    trained = opened(run("t5"))
    tokenizer = trained.tokenizer
    pieces = [tokenizer.encode(text).tolist() for text in ("The", " of the", " is.")]
    # <extra_id_0> is 265, <extra_id_1> 264; source and target end with </s>, 3; the decoder starts
    # with <pad>, 0.
    source = torch.tensor([[*pieces[0], 265, *pieces[1], 264, *pieces[2], 3]])
    ids, spans = [0], list[list[int]]()
    for _ in range(30):
        logits_V = logits(
            trained,
            ids,
            source_tokens_BS=source,
            source_positions_BS=torch.arange(source.shape[1])[None],
        )[-1]
        special = [265, 264, 3][len(spans)]
        allowed = {special}
        if spans:
            allowed |= set(range(266, tokenizer.size))
        if spans and not spans[-1]:
            names = {n: tokenizer.text_of(n) or "" for n in range(266, tokenizer.size)}
            allowed = {special} | {n for n, name in names.items() if name.startswith("\u0120")}
        token = max(sorted(allowed), key=lambda n: float(logits_V[n]))
        ids.append(token)
        if token == 3:
            break
        if token in {264, 265}:
            spans.append([])
        else:
            spans[-1].append(token)
    texts = [tokenizer.decode(span) for span in spans]
    texts += [" <mask>"] * (2 - len(texts))
    command = ["--prompt", "The <mask> of the <mask> is.", "--temperature", "0"]
    result = generated(lmkit, run("t5"), *command, "--max-tokens", "30")
    assert result["text"] == f"The{texts[0]} of the{texts[1]} is."
    assert len(result["spans"]) == len(spans)
    assert result["ended"] == (ids[-1] == 3)
    same = ["--prompt", "The <extra_id_0> of the <extra_id_1> is.", "--temperature", "0"]
    other = generated(lmkit, run("t5"), *same, "--max-tokens", "30")
    assert other["spans"] == result["spans"]


def test_a_restored_text_is_that_of_a_loop_without_a_cache(run: Run, lmkit: Lmkit) -> None:
    trained = opened(run("bart"))
    encode = trained.tokenizer.encode
    source = torch.tensor([[*encode("The").tolist(), 4, *encode(" is.").tolist(), 3]])
    positions = torch.arange(source.shape[1])[None]
    source_arguments = {"source_tokens_BS": source, "source_positions_BS": positions}
    ids = greedy(lambda ids: logits(trained, ids, **source_arguments)[-1], [0], 12)
    command = ["--prompt", "The <mask> is.", "--temperature", "0", "--max-tokens", "12"]
    assert generated(lmkit, run("bart"), *command)["text"] == trained.tokenizer.decode(ids).lstrip(
        " "
    )


@pytest.mark.parametrize("kind", ["mlm", "plm", "t5", "bart", "fim", "clm"])
def test_a_seed_generates_the_same_and_no_special_tokens(run: Run, lmkit: Lmkit, kind: str) -> None:
    prompt = "The <mask> of <mask> and <mask> is" if kind not in {"fim", "clm"} else "The"
    command = ["generate", run(kind), "--prompt", prompt, "--samples", "3", "--seed", "4", "--json"]
    if kind == "fim":
        command += ["--suffix", " is"]
    if kind not in {"mlm", "plm"}:
        command += ["--max-tokens", "40"]
    first, again = lmkit(*command), lmkit(*command)
    assert first == again and first[0] == 0
    texts = [sample["text"] for sample in json.loads(first[1])]
    assert len(set(texts)) == 3
    special = {opened(run(kind)).tokenizer.text_of(n) for n in range(266)}
    for sample in json.loads(first[1]):
        assert not special & {p["token"] for span in sample["spans"] for p in span["pieces"]}


def test_the_text_and_the_probabilities_are_printed(run: Run, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("generate", run("mlm"), "--prompt", "The <mask> is <mask>.")
    assert exit_code == 0
    text, blank, *lines = out.splitlines()
    assert re.fullmatch(r"The .* is .*\.", text) and "<mask>" not in text and blank == ""
    assert len(lines) == 2 and all("%" in line and "most likely" in line for line in lines)


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


def test_learned_positions_limit_a_text_to_the_trained_length(run: Run, lmkit: Lmkit) -> None:
    result = generated(lmkit, run("learned"), "--prompt", "The", "--temperature", "2")
    read = 1 + len(opened(run("learned")).tokenizer.encode("The"))  # <s>, The
    # The last token is generated and not read.
    assert result["ended"] or len(result["spans"][0]["pieces"]) == 64 - read + 1


REFUSED: list[tuple[str, list[str], str]] = [
    ("clm", ["--suffix", "x"], "--suffix: the run was trained with --fim.rate 0"),
    ("mlm", ["--suffix", "x"], "--suffix: the run was trained with --objective mlm"),
    ("t5", ["--suffix", "x"], "--suffix: the run was trained with --objective span-corruption"),
    ("mlm", ["--prompt", "<mask>", "--max-tokens", "9"], "--max-tokens: got 9, but a run with"),
    ("plm", ["--prompt", "<mask>", "--max-tokens", "9"], "generates one token for each mask"),
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
