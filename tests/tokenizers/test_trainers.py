import pytest

from lmkit.errors import InputError
from lmkit.tokenizers.trainers import BYTES, NotEmpty


def test_texts_can_be_read_twice_and_empty_ones_are_left_out() -> None:
    texts = NotEmpty(["a", "", "b\ud800"])
    assert list(texts) == list(texts) == ["a", "b\ufffd"]


def test_nothing_but_empty_texts_is_an_error() -> None:
    with pytest.raises(InputError, match="no text to train a tokenizer on"):
        list(NotEmpty(["", ""]))


def test_byte_tokens_are_those_of_llamas_tokenizer() -> None:
    assert (len(BYTES), BYTES[0], BYTES[10], BYTES[255]) == (256, "<0x00>", "<0x0A>", "<0xFF>")
