import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tokenizers
from tokenizers import pre_tokenizers

from lmkit.tokenizers.fastokens_file import (
    LINE_BREAKS,
    PUBLISHED_LINE_BREAKS,
    UnsupportedTokenizerError,
    fastokens_file,
    reason_against,
)
from lmkit.tokenizers.options import TextForm
from lmkit.tokenizers.pre_tokenizers import pattern
from lmkit.tokenizers.recipe import Recipe
from tests.tokenizers.made import ALGORITHMS, train
from tests.tokenizers.nasty import NASTY

TEXTS = ["Once upon a time there was a word, and the word was 'once'.\n\n"] * 3


def stored_bpe(**changes: Any) -> dict[str, Any]:
    return json.loads(train(TEXTS, "bpe", 600).to_str()) | changes


def test_special_tokens_and_what_adds_tokens_are_left_out() -> None:
    made = json.loads(fastokens_file(stored_bpe()))
    assert made["added_tokens"] == [] and made["post_processor"] is None
    assert made["model"] == stored_bpe()["model"]


def test_gpt4_is_written_with_the_published_line_breaks() -> None:
    steps = json.loads(fastokens_file(stored_bpe()))["pre_tokenizer"]["pretokenizers"]
    expected = pattern("gpt4").replace(LINE_BREAKS, PUBLISHED_LINE_BREAKS)
    assert expected != pattern("gpt4")
    assert steps[0]["pattern"] == {"Regex": expected}


def test_the_published_line_breaks_split_like_those_of_lmkit() -> None:
    published = pattern("gpt4").replace(LINE_BREAKS, PUBLISHED_LINE_BREAKS)
    one, two = (
        pre_tokenizers.Split(tokenizers.Regex(regex), "isolated")
        for regex in (pattern("gpt4"), published)
    )
    generator = np.random.default_rng(0)
    blanks = list(" \t\n\r\u00a0\u3000\u2028\x85\x0ba1.'")
    random = ["".join(generator.choice(blanks, 30)) for _ in range(3_000)]
    for text in [*NASTY, *random]:
        assert one.pre_tokenize_str(text) == two.pre_tokenize_str(text)


def test_gpt2_is_the_pattern_that_byte_level_has_built_in() -> None:
    recipe = Recipe("bpe", 600, pre_tokenizer="gpt2")
    from_file = json.loads(fastokens_file(json.loads(_trained(recipe).to_str())))
    assert from_file["pre_tokenizer"]["use_regex"] is True
    built_in = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    for text in NASTY:
        expected = _trained(recipe).pre_tokenizer.pre_tokenize_str(text)  # type: ignore[union-attr]
        assert built_in.pre_tokenize_str(text) == expected


def _trained(recipe: Recipe) -> tokenizers.Tokenizer:
    from lmkit.tokenizers.build import train as train_recipe

    return train_recipe(TEXTS, recipe)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "bpe"])
def test_only_byte_level_bpe_is_accepted(algorithm: str) -> None:
    stored = json.loads(train(TEXTS, algorithm, 700).to_str())  # type: ignore[arg-type]
    assert reason_against(stored)
    with pytest.raises(UnsupportedTokenizerError):
        fastokens_file(stored)


def _without_a_byte(stored: dict[str, Any]) -> None:
    del stored["model"]["vocab"]["!"]


def _with_added_words(stored: dict[str, Any]) -> None:
    stored["added_tokens"].append(stored["added_tokens"][0] | {"content": "once", "special": False})


def _with_another_step(stored: dict[str, Any]) -> None:
    stored["pre_tokenizer"]["pretokenizers"].insert(
        0, {"type": "Digits", "individual_digits": True}
    )


def _with_removed_words(stored: dict[str, Any]) -> None:
    stored["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Removed"


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "a normalizer": lambda stored: stored.update(normalizer={"type": "NFC"}),
    "dropout or byte fallback": lambda stored: stored["model"].update(dropout=0.1),
    "a prefix or suffix of tokens": lambda stored: stored["model"].update(end_of_word_suffix="_"),
    "no byte-level pre-tokenizer": lambda stored: stored.update(pre_tokenizer=None),
    "bytes without a token": _without_a_byte,
    "added tokens that are not special": _with_added_words,
    "a pre-tokenizer of another kind": _with_another_step,
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_would_change_the_text_or_its_words_is_not_accepted(reason: str) -> None:
    stored = stored_bpe()
    CHANGES[reason](stored)
    assert reason_against(stored) == reason


def test_a_pre_tokenizer_that_removes_its_matches_is_not_accepted() -> None:
    stored = stored_bpe()
    _with_removed_words(stored)
    assert reason_against(stored) == "a pre-tokenizer of another kind"


def test_a_normalized_recipe_is_not_accepted() -> None:
    recipe = Recipe("bpe", 600, form=TextForm(lowercase=True))
    assert reason_against(json.loads(_trained(recipe).to_str())) == "a normalizer"
