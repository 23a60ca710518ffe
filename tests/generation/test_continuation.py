from collections.abc import Sequence
from typing import Any

import pytest

from lmkit.generation.generated import Generated
from lmkit.generation.prompts import PromptRunner
from lmkit.generation.sampling import Sampling
from lmkit.objectives.objective import Packing, objective_of
from lmkit.objectives.options import ObjectiveConfig
from tests.conftest import Lmkit
from tests.generation.runs import Run, generated, greedy, logits, opened
from tests.generation.tokenizers_of_each_kind import prompts, tokenizer_of
from tests.model.tiny import tiny


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


def test_learned_positions_limit_a_text_to_the_trained_length(run: Run, lmkit: Lmkit) -> None:
    result = generated(lmkit, run("learned"), "--prompt", "The", "--temperature", "2")
    read = 1 + len(opened(run("learned")).tokenizer.encode("The"))  # <s>, The
    # The last token is generated and not read.
    assert result["ended"] or len(result["spans"][0]["pieces"]) == 64 - read + 1


def runner(algorithm: str, stop: Sequence[str] = (), **sampling: Any) -> PromptRunner:
    """Return a model of one block with random weights, which generates any bytes."""
    tokenizer = tokenizer_of(algorithm)
    model = tiny(tokenizer.size, layers=1, hidden_size=16, heads=2, ffn_size=32)
    return PromptRunner(
        model,
        tokenizer,
        objective_of(ObjectiveConfig()),
        Packing(40, tokenizer.bos, tokenizer.eos),
        Sampling(**{"temperature": 1.0, **sampling}),
        stop,
    )


def at_once(of: PromptRunner, prompts: Sequence[str], max_tokens: int) -> list[Generated]:
    prepared = [of.prepare(prompt, "", max_tokens) for prompt in prompts]
    return list(of.write_all(prepared, range(len(prompts))))


def in_parts(of: PromptRunner, prompt: str, max_tokens: int, seed: int) -> list[str]:
    parts = of.stream(of.prepare(prompt, "", max_tokens), seed)
    assert parts is not None
    return list(parts)


@pytest.mark.parametrize(
    ("algorithm", "count"), [("byte", 200), ("bpe", 30), ("character", 30), ("unigram", 30)]
)
def test_streamed_text_is_the_text_that_is_written_at_once(algorithm: str, count: int) -> None:
    of = runner(algorithm)
    texts = prompts(count)
    found = at_once(of, texts, 8)
    for seed, (prompt, result) in enumerate(zip(texts, found, strict=True)):
        parts = in_parts(of, prompt, 8, seed)
        assert "".join(parts) == result.text
        assert len(parts) == result.tokens + 1 + result.ended
    assert any("\N{REPLACEMENT CHARACTER}" in result.text for result in found)


@pytest.mark.parametrize("algorithm", ["byte", "bpe", "unigram"])
def test_a_stop_text_ends_the_text_before_it_and_is_never_shown(algorithm: str) -> None:
    texts = prompts(24)
    whole = at_once(runner(algorithm), texts, 12)
    stopped = 0
    for seed, (prompt, result) in enumerate(zip(texts, whole, strict=True)):
        continuation = result.text[len(prompt) :]
        stop = continuation[4:7]
        if len(stop) < 3:
            continue
        of = runner(algorithm, stop=[stop, "never generated"])
        cut = of.write(prompt, "", 12, seed)
        assert "".join(in_parts(of, prompt, 12, seed)) == cut.text
        assert cut.finish_reason == "stop" and not cut.ended
        assert cut.text == prompt + continuation.partition(stop)[0]
        assert cut.tokens <= result.tokens
        stopped += 1
    assert stopped > 15


def test_a_stop_text_in_the_prompt_is_not_searched() -> None:
    of = runner("byte", stop=["the"])
    (result,) = at_once(of, ["the the"], 5)
    assert result.text.startswith("the the") and result.tokens > 0


def test_the_tokens_of_a_stop_text_are_left_out() -> None:
    (whole,) = at_once(runner("byte"), ["ab"], 12)
    begin = next(n for n in range(2, 12) if whole.text[n : n + 2].isascii())
    of = runner("byte", stop=[whole.text[begin : begin + 2]])
    (result,) = at_once(of, ["ab"], 12)
    kept = result.spans[0].pieces
    assert kept == whole.spans[0].pieces[: len(kept)]
    assert result.spans[0].text == result.text.removeprefix("ab")


def test_prompts_are_continued_in_order_each_with_its_own_limit_and_seed() -> None:
    of = runner("byte", temperature=1.5)
    texts = prompts(9)
    limits = [3, 9, 1, 5, 9, 2, 8, 4, 7]
    prepared = [of.prepare(text, "", limit) for text, limit in zip(texts, limits, strict=True)]
    together = list(of.write_all(prepared, range(9)))
    for number, result in enumerate(together):
        alone = of.write(texts[number], "", limits[number], number)
        assert (result.text, result.finish_reason) == (alone.text, alone.finish_reason)
        assert result.tokens == limits[number] or result.ended
