import pytest

from lmkit.errors import ConfigError
from lmkit.tokenizers.recipe import Recipe


@pytest.mark.parametrize("algorithm", ["byte", "character"])
def test_what_reads_sign_by_sign_has_no_words(algorithm: str) -> None:
    with pytest.raises(ConfigError, match=r"--pre-tokenizer: got gpt2, but .* doesn.t use words"):
        Recipe(algorithm, pre_tokenizer="gpt2")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"--digits: got single, but .* doesn.t use words"):
        Recipe(algorithm, digits="single")  # type: ignore[arg-type]


def test_a_pre_tokenizer_that_does_not_go_with_an_algorithm_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="got metaspace, but --algorithm bpe supports gpt4, "):
        Recipe("bpe", pre_tokenizer="metaspace")


def test_a_vocabulary_that_is_too_small_is_refused_and_says_why() -> None:
    with pytest.raises(ConfigError) as told:
        Recipe("bpe", 12)
    assert str(told.value) == (
        "--vocab-size: got 12, must be at least 522: 256 bytes and 266 special tokens"
    )


def test_words_are_lost_where_white_space_is_forgotten() -> None:
    assert not Recipe("word").is_lossless
    assert not Recipe("unigram", pre_tokenizer="metaspace").is_lossless
    assert Recipe("unigram").is_lossless
