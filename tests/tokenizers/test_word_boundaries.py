import json
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from lmkit.tokenizers.build import train
from lmkit.tokenizers.options import Algorithm
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.tokenizer import Tokenizer, save
from lmkit.tokenizers.word_boundaries import BYTES, WordBoundaries

TEXTS = [
    "The quick brown fox doesn't jump over 12345 lazy dogs, does it?",
    "Unbelievably long words, internationalization; naïve café — 東京タワー.",
    "one\n\ntwo  three\tfour",
]


def tokenizer_of(folder: Path, algorithm: Algorithm) -> Tokenizer:
    save(train(TEXTS * 3, Recipe(algorithm, 900)), folder)
    return Tokenizer.load(folder)


def words_of(tokenizer: Tokenizer, text: str) -> list[str]:
    """Return the texts of words: the tokens with the same start position."""
    ids = tokenizer.encode(text).astype(np.int64)
    firsts = WordBoundaries.of(tokenizer).word_starts(ids[None], np.ones((1, len(ids)), np.int32))[
        0
    ]
    return [tokenizer.decode(ids[firsts == first]).strip() for first in np.unique(firsts)]


@pytest.mark.parametrize("algorithm", ["bpe", "unigram", "byte", "character"])
def test_words_are_runs_of_letters_or_of_other_characters(
    tmp_path: Path, algorithm: Algorithm
) -> None:
    tokenizer = tokenizer_of(tmp_path, algorithm)
    assert words_of(tokenizer, "The quick fox, 345 dogs!? naïve") == [
        "The",
        "quick",
        "fox",
        ",",
        "345",
        "dogs",
        "!?",
        "naïve",
    ]


@pytest.mark.parametrize("algorithm", ["bpe", "unigram", "byte", "character"])
def test_words_are_in_order_and_cover_the_text(tmp_path: Path, algorithm: Algorithm) -> None:
    tokenizer = tokenizer_of(tmp_path, algorithm)
    for text in TEXTS:
        assert "".join(words_of(tokenizer, text)).split() == "".join(text.split()).split()


@pytest.mark.parametrize("algorithm", ["word", "wordpiece"])
def test_words_are_those_of_a_vocabulary_of_words(tmp_path: Path, algorithm: Algorithm) -> None:
    tokenizer = tokenizer_of(tmp_path, algorithm)
    assert words_of(tokenizer, "The quick, lazy fox") == ["The", "quick", ",", "lazy", "fox"]


def test_tokens_with_a_continuation_prefix_continue_a_word(tmp_path: Path) -> None:
    vocabulary = ["[UNK]", "un", "##believ", "##able", "story", "."]
    model = models.WordPiece({t: n for n, t in enumerate(vocabulary)}, unk_token="[UNK]")
    pieces = tokenizers.Tokenizer(model)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces.decoder = decoders.WordPiece()
    save(pieces, tmp_path)
    words = WordBoundaries.of(Tokenizer.load(tmp_path))
    ids = np.array([[1, 2, 3, 4, 5]])
    assert words.word_starts(ids, np.ones((1, 5), np.int32)).tolist() == [[0, 0, 0, 3, 4]]


def test_sentencepieces_block_begins_a_word(tmp_path: Path) -> None:
    vocabulary = ["<unk>", "▁the", "▁", "cat", "s", "<0x0A>"]
    model = models.BPE({t: n for n, t in enumerate(vocabulary)}, [], unk_token="<unk>")
    pieces = tokenizers.Tokenizer(model)
    pieces.decoder = decoders.Metaspace()
    save(pieces, tmp_path)
    words = WordBoundaries.of(Tokenizer.load(tmp_path))
    ids = np.array([[1, 2, 3, 4, 5, 3]])
    # "the", " cat" in two tokens and "s", a line break and "cat".
    assert words.word_starts(ids, np.ones((1, 6), np.int32)).tolist() == [[0, 1, 1, 1, 4, 4]]


def test_documents_and_special_tokens_end_words(tmp_path: Path) -> None:
    words = WordBoundaries([None, "a", "b"])
    ids, documents = np.array([[1, 2, 1, 2, 0, 1]]), np.array([[1, 1, 2, 2, 2, 2]])
    assert words.word_starts(ids, documents).tolist() == [[0, 0, 2, 2, 4, 5]]


def test_a_token_that_ends_in_a_space_ends_its_word() -> None:
    words = WordBoundaries([".\n", "The", "\n"])
    ones = np.ones((1, 2), np.int32)
    assert words.word_starts(np.array([[0, 1]]), ones).tolist() == [[0, 1]]
    assert words.word_starts(np.array([[2, 1]]), ones).tolist() == [[0, 0]]


def test_byte_characters_are_those_of_gpt2() -> None:
    assert {character: byte for byte, character in bytes_to_unicode().items()} == BYTES


def test_the_file_is_read_unchanged(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path, "word")
    assert tokenizer.stored == json.loads((tmp_path / "tokenizer.json").read_text())
