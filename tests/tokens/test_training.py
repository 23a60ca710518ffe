import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from lmkit.errors import ConfigError, InputError
from lmkit.tokens.special import special_tokens
from lmkit.tokens.training import WORD_PIECES, Algorithm, minimum, train

ALGORITHMS: list[Algorithm] = ["bpe", "word", "character", "byte"]
SPECIAL = 266

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""As published in tiktoken's openai_public.py."""


def vocabulary(tokenizer: tokenizers.Tokenizer) -> list[str]:
    ids = tokenizer.get_vocab()
    return sorted(ids, key=lambda token: ids[token])


def split(pattern: str, text: str) -> list[str]:
    splitter = pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
    return [part for part, _ in splitter.pre_tokenize_str(text)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_special_tokens_have_the_first_ids(algorithm: Algorithm) -> None:
    tokenizer = train(["some text, some words"], algorithm, 600)
    assert vocabulary(tokenizer)[:SPECIAL] == list(special_tokens())


def test_merges_are_those_of_the_worked_example() -> None:
    # Hugging Face's course, chapter 6.5: u+g 20 times, u+n 16 times, then h+ug 15 times.
    words = ["hug"] * 10 + ["pug"] * 5 + ["pun"] * 12 + ["bun"] * 4 + ["hugs"] * 5
    tokenizer = train(words, "bpe", minimum("bpe") + 3)
    assert vocabulary(tokenizer)[minimum("bpe") :] == ["ug", "un", "hug"]


def test_a_pair_seen_once_is_not_merged() -> None:
    assert train(["abcdefg"], "bpe", 1_000).get_vocab_size() == minimum("bpe")


def test_numbers_are_split_into_groups_of_three_digits() -> None:
    assert split(WORD_PIECES, "in 1234567") == ["in", " ", "123", "456", "7"]


@settings(deadline=None)
@given(st.text(st.sampled_from(" \t\n\r\u00a0\u2028ab1'.,é"), max_size=30))
def test_text_is_split_by_the_published_pattern(text: str) -> None:
    assert split(WORD_PIECES, text) == split(CL100K, text)


def test_ten_million_blanks_are_split_and_do_not_end_the_process() -> None:
    # With the pattern as published, the regex engine gives up here and the library panics.
    assert [len(part) for part in split(WORD_PIECES, " " * 11_000_000 + "x")] == [10_999_999, 2]


def test_words_go_by_frequency_and_then_by_text() -> None:
    tokenizer = train(["b a, b", "c a b!"], "word", 1_000)
    assert vocabulary(tokenizer)[SPECIAL:] == ["b", "a", "!", ",", "c"]


def test_characters_go_by_frequency_and_then_by_code_point() -> None:
    tokenizer = train(["ccab\n", "éc\0"], "character", 1_000)
    assert vocabulary(tokenizer)[minimum("character") :] == ["c", "\0", "\n", "a", "b", "é"]


def test_characters_beyond_the_size_become_bytes() -> None:
    tokenizer = train(["aaé"], "character", minimum("character") + 1)
    assert tokenizer.encode("aé", add_special_tokens=False).tokens == ["a", "<0xC3>", "<0xA9>"]


def test_the_id_of_a_byte_follows_from_its_value() -> None:
    ids = train(["x"], "byte", 5_000).encode("\0Aé", add_special_tokens=False).ids
    assert ids == [SPECIAL + byte for byte in (0x00, 0x41, 0xC3, 0xA9)]


@pytest.mark.parametrize(
    ("algorithm", "least"), [("bpe", 522), ("byte", 522), ("character", 522), ("word", 267)]
)
def test_the_smallest_vocabulary_works_and_a_smaller_one_is_refused(
    algorithm: Algorithm, least: int
) -> None:
    assert minimum(algorithm) == least
    assert train(["a a"], algorithm, least).get_vocab_size() == least
    with pytest.raises(ConfigError, match=rf"got {least - 1}, must be at least {least}: "):
        train(["a a"], algorithm, least - 1)


def test_a_smaller_set_of_sentinels_leaves_room_for_others() -> None:
    assert minimum("bpe", sentinels=100) == 256 + 10 + 100
    assert train(["a"], "bpe", 366, sentinels=100).token_to_id("<extra_id_0>") == 109


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_an_empty_corpus_is_refused(algorithm: Algorithm, texts: list[str]) -> None:
    with pytest.raises(InputError, match="no text to build a tokenizer from"):
        train(texts, algorithm, 1_000)


def test_blanks_alone_have_no_words() -> None:
    with pytest.raises(InputError, match="no text to build a tokenizer from"):
        train([" ", "\n\t"], "word", 1_000)


@pytest.mark.parametrize("algorithm", ["bpe", "word", "character"])
def test_what_goes_wrong_while_reading_is_not_swallowed(algorithm: Algorithm) -> None:
    def texts() -> Iterator[str]:
        yield "one"
        raise InputError("documents-00001.jsonl.zst vanished")

    with pytest.raises(InputError, match="vanished"):
        train(texts(), algorithm, 1_000)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_half_a_surrogate_pair_does_not_stop_the_training(algorithm: Algorithm) -> None:
    train(["a\ud800b", "c"], algorithm, 1_000)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_begin_and_end_are_added_where_asked_for(algorithm: Algorithm) -> None:
    tokenizer = train(["a b"], algorithm, 1_000)
    assert tokenizer.encode("a").tokens[0::2] == ["<s>", "</s>"]
    assert len(tokenizer.encode("a", add_special_tokens=False)) == 1


PROGRAM = """
import random, sys
from lmkit.tokens.training import train
letters = random.Random(0)
words = ["".join(letters.choices("abcdeé", k=letters.randint(1, 8))) for _ in range(5_000)]
texts = [" ".join(words[start : start + 50]) for start in range(0, len(words), 50)]
for algorithm in ("bpe", "word", "character", "byte"):
    sys.stdout.buffer.write(train(texts, algorithm, 900).to_str(pretty=True).encode())
"""


def test_the_file_is_the_same_for_any_number_of_threads() -> None:
    def fingerprint(threads: int) -> str:
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True
        )
        assert len(done.stdout) > 10_000
        return hashlib.sha256(done.stdout).hexdigest()

    assert fingerprint(1) == fingerprint(4)
