import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import tokenizers

from lmkit.errors import ConfigError, InputError
from lmkit.tokenizers.options import Algorithm
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.special_tokens import roles_of, special_tokens
from tests.tokenizers.made import ALGORITHMS, train

SPECIAL = 266
BERT_SPECIAL = 264
MIN_SIZE = {
    "bpe": 522,
    "byte": 522,
    "character": 522,
    "word": 267,
    "wordpiece": 266,
    "unigram": 552,
}


def vocabulary(tokenizer: tokenizers.Tokenizer) -> list[str]:
    ids = tokenizer.get_vocab()
    return sorted(ids, key=lambda token: ids[token])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_special_tokens_have_the_first_ids(algorithm: Algorithm) -> None:
    tokenizer = train(["some text, some words"], algorithm, 600)
    special = list(special_tokens(roles=roles_of(algorithm)))
    assert len(special) == (BERT_SPECIAL if algorithm == "wordpiece" else SPECIAL)
    assert vocabulary(tokenizer)[: len(special)] == special


def test_merges_are_those_of_the_worked_example() -> None:
    # Hugging Face's course, chapter 6.5: u+g 20 times, u+n 16 times, then h+ug 15 times.
    words = ["hug"] * 10 + ["pug"] * 5 + ["pun"] * 12 + ["bun"] * 4 + ["hugs"] * 5
    tokenizer = train(words, "bpe", MIN_SIZE["bpe"] + 3)
    assert vocabulary(tokenizer)[MIN_SIZE["bpe"] :] == ["ug", "un", "hug"]


def test_a_pair_that_occurs_once_is_not_merged() -> None:
    assert train(["abcdefg"], "bpe", 1_000).get_vocab_size() == MIN_SIZE["bpe"]


def test_words_are_sorted_by_frequency_and_then_by_text() -> None:
    tokenizer = train(["b a, b", "c a b!"], "word", 1_000)
    assert vocabulary(tokenizer)[SPECIAL:] == ["b", "a", "!", ",", "c"]


def test_characters_are_sorted_by_frequency_and_then_by_code_point() -> None:
    tokenizer = train(["ccab\n", "éc\0"], "character", 1_000)
    assert vocabulary(tokenizer)[MIN_SIZE["character"] :] == ["c", "\0", "\n", "a", "b", "é"]


def test_characters_beyond_the_size_become_bytes() -> None:
    tokenizer = train(["aaé"], "character", MIN_SIZE["character"] + 1)
    assert tokenizer.encode("aé", add_special_tokens=False).tokens == ["a", "<0xC3>", "<0xA9>"]


def test_the_id_of_a_byte_depends_on_its_value() -> None:
    ids = train(["x"], "byte", 5_000).encode("\0Aé", add_special_tokens=False).ids
    assert ids == [SPECIAL + byte for byte in (0x00, 0x41, 0xC3, 0xA9)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_smallest_vocabulary_works_and_a_smaller_one_is_refused(algorithm: Algorithm) -> None:
    min_vocabulary_size = MIN_SIZE[algorithm]
    assert train(["a a"], algorithm, min_vocabulary_size).get_vocab_size() == min_vocabulary_size
    with pytest.raises(
        ConfigError,
        match=rf"got {min_vocabulary_size - 1}, must be at least {min_vocabulary_size}: ",
    ):
        train(["a a"], algorithm, min_vocabulary_size - 1)


def test_a_smaller_set_of_sentinels_leaves_room_for_others() -> None:
    assert Recipe("bpe", sentinels=100).min_vocabulary_size == 256 + 10 + 100
    assert train(["a"], "bpe", 366, sentinels=100).token_to_id("<extra_id_0>") == 109


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_an_empty_corpus_is_refused(algorithm: Algorithm, texts: list[str]) -> None:
    with pytest.raises(InputError, match="no text to train a tokenizer on"):
        train(texts, algorithm, 1_000)


@pytest.mark.parametrize("algorithm", ["word", "wordpiece"])
def test_white_space_has_no_words(algorithm: Algorithm) -> None:
    with pytest.raises(InputError, match="no text to train a tokenizer on"):
        train([" ", "\n\t"], algorithm, 1_000)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_exception_while_reading_is_not_swallowed(algorithm: Algorithm) -> None:
    def texts() -> Iterator[str]:
        yield "one"
        raise InputError("documents-00001.jsonl.zst vanished")

    with pytest.raises(InputError, match="vanished"):
        train(texts(), algorithm, 1_000)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_lone_surrogate_does_not_stop_the_training(algorithm: Algorithm) -> None:
    train(["a\ud800b", "c"], algorithm, 1_000)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bos_and_eos_are_added_on_request(algorithm: Algorithm) -> None:
    tokenizer = train(["a b"], algorithm, 1_000)
    expected = ["[CLS]", "[SEP]"] if algorithm == "wordpiece" else ["<s>", "</s>"]
    assert tokenizer.encode("a").tokens[0::2] == expected
    assert len(tokenizer.encode("a", add_special_tokens=False)) == 1


PROGRAM = """
import random, sys
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.build import train
letters = random.Random(0)
words = ["".join(letters.choices("abcdeé", k=letters.randint(1, 8))) for _ in range(5_000)]
texts = [" ".join(words[start : start + 50]) for start in range(0, len(words), 50)]
for algorithm in ("bpe", "unigram", "wordpiece", "word", "character", "byte"):
    recipe = Recipe(algorithm, 900)
    sys.stdout.buffer.write(train(texts, recipe).to_str(pretty=True).encode())
"""


def test_the_file_is_the_same_for_any_number_of_threads() -> None:
    def fingerprint(threads: int) -> str:
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True
        )
        assert len(done.stdout) > 10_000
        return hashlib.sha256(done.stdout).hexdigest()

    # Hash tables have another seed in every process.
    assert fingerprint(1) == fingerprint(4) == fingerprint(2)
