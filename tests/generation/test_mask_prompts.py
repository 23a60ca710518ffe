import re

import pytest
import torch

from tests.conftest import Lmkit
from tests.generation.runs import Run, generated, logits, opened


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


def test_the_text_and_the_probabilities_are_printed(run: Run, lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("generate", run("mlm"), "--prompt", "The <mask> is <mask>.")
    assert exit_code == 0
    text, blank, *lines = out.splitlines()
    assert re.fullmatch(r"The .* is .*\.", text) and "<mask>" not in text and blank == ""
    assert len(lines) == 2 and all("%" in line and "most likely" in line for line in lines)


@pytest.mark.parametrize("kind", ["mlm", "plm"])
def test_without_a_temperature_a_mask_gets_its_likeliest_token_whatever_the_seed(
    run: Run, lmkit: Lmkit, kind: str
) -> None:
    command = ["--prompt", "The <mask> is <mask>."]
    result = generated(lmkit, run(kind), *command, "--seed", "1")
    other = generated(lmkit, run(kind), *command, "--seed", "2")
    assert result["spans"] == other["spans"]
    for span in result["spans"]:
        shown = [(each["text"], each["probability"]) for each in span["alternatives"]]
        assert len(shown) == 5 and shown == sorted(shown, key=lambda each: -each[1])
        assert (span["text"], span["probability"]) == shown[0]


def test_as_many_alternatives_are_shown_as_asked_for(run: Run, lmkit: Lmkit) -> None:
    result = generated(lmkit, run("mlm"), "--prompt", "The <mask> is", "--alternatives", "2")
    few = result["spans"][0]["alternatives"]
    (span,) = generated(lmkit, run("mlm"), "--prompt", "The <mask> is", "--alternatives", "600")[
        "spans"
    ]
    assert few == span["alternatives"][:2]
    assert sum(each["probability"] for each in span["alternatives"]) == pytest.approx(1)
    exit_code, out, _ = lmkit(
        *("generate", run("mlm"), "--prompt", "The <mask> is", "--alternatives", "2")
    )
    assert exit_code == 0 and f"{few[0]['text']!r} {few[0]['probability']:.1%}, " in out


@pytest.mark.parametrize("asked", [("--temperature", "1"), ("--top-p", "1"), ("--top-k", "500")])
def test_masks_are_sampled_where_sampling_was_asked_for(
    run: Run, lmkit: Lmkit, asked: tuple[str, ...]
) -> None:
    texts = {
        generated(lmkit, run("mlm"), "--prompt", "The <mask> is", "--seed", str(seed), *asked)[
            "text"
        ]
        for seed in range(8)
    }
    assert len(texts) > 1


def test_alternatives_are_refused_where_there_are_no_masks(run: Run, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("generate", run("clm"), "--prompt", "The", "--alternatives", "2")
    assert exit_code == 2 and "--alternatives: got 2, but a run with --objective clm" in err
