import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from lmkit.tokenizers.report import rows, statistics_by_source
from lmkit.tokenizers.special_tokens import ROLES
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.tokenizers.made import train


def words_only() -> Tokenizer:
    """Four words and two special tokens, by hand."""
    ids = {"<pad>": 0, "<unk>": 1, "the": 2, "cat": 3, "sat": 4, ".": 5}
    peer = tokenizers.Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    peer.pre_tokenizer = pre_tokenizers.Whitespace()
    peer.add_special_tokens(["<pad>", "<unk>"])
    return Tokenizer(peer.to_str().encode(), ROLES)


def test_statistics_equal_a_calculation_by_hand() -> None:
    tokenizer = words_only()
    texts = {"a": ["the cat sat", "the dog."], "b": ["cat"]}
    found, not_restored = statistics_by_source(tokenizer, texts)
    together, first, second = rows("this", tokenizer, found)
    # the cat sat: 11 bytes, 3 tokens, 3 words; the dog.: 8 bytes, 3 tokens (1 unknown), 2 words.
    assert (first.source, first.texts, first.bytes, first.tokens) == ("a", 2, 19, 6)
    assert first.bytes_per_token == pytest.approx(19 / 6, abs=1e-6)
    assert first.tokens_per_word == pytest.approx(6 / 5)
    assert first.unknown_share == pytest.approx(1 / 6, abs=1e-6)
    assert first.vocabulary_used == 1.0
    assert (first.come_back, not_restored) == (0.5, "the dog.")
    assert (second.vocabulary_used, second.come_back) == (0.25, 1.0)
    assert (together.source, together.bytes, together.tokens) == ("all", 22, 7)
    assert together.bytes_per_token == pytest.approx(22 / 7, abs=1e-6)
    assert together.longest_tokens == ("cat", "sat", "the", ".")


def test_one_source_has_one_row() -> None:
    tokenizer = words_only()
    assert [
        row.source
        for row in rows("x", tokenizer, statistics_by_source(tokenizer, {"a": ["cat"]})[0])
    ] == ["all"]


def test_bytes_are_those_of_the_text_and_not_of_its_characters() -> None:
    made = train(["é"], "byte", 522)
    tokenizer = Tokenizer(made.to_str().encode(), ROLES)
    (row,) = rows("this", tokenizer, statistics_by_source(tokenizer, {"a": ["éé x"]})[0])
    assert (row.bytes, row.tokens, row.bytes_per_token) == (6, 6, 1.0)
