import pytest

from lmkit.errors import ConfigError
from lmkit.tokenizers.recipe import Recipe


@pytest.mark.parametrize("algorithm", ["byte", "character"])
def test_character_level_algorithms_have_no_words(algorithm: str) -> None:
    with pytest.raises(ConfigError, match=r"--pre-tokenizer: got gpt2, but .* doesn.t use words"):
        Recipe(algorithm, pre_tokenizer="gpt2")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"--digits: got single, but .* doesn.t use words"):
        Recipe(algorithm, digits="single")  # type: ignore[arg-type]


def test_an_unsupported_pre_tokenizer_is_refused_and_the_supported_ones_are_named() -> None:
    with pytest.raises(ConfigError, match="got metaspace, but --algorithm bpe supports gpt4, "):
        Recipe("bpe", pre_tokenizer="metaspace")


def test_a_vocabulary_that_is_too_small_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError) as error:
        Recipe("bpe", 12)
    assert str(error.value) == (
        "--vocab-size: got 12, must be at least 522: 256 bytes and 266 special tokens"
    )


def test_algorithms_that_drop_white_space_are_not_lossless() -> None:
    assert not Recipe("word").is_lossless
    assert not Recipe("unigram", pre_tokenizer="metaspace").is_lossless
    assert Recipe("unigram").is_lossless
