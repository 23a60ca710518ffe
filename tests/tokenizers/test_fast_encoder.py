import json
import random

import numpy as np
import pytest
import tokenizers

from lmkit.tokenizers import build
from lmkit.tokenizers.encoder_choice import encode_with_tokenizers
from lmkit.tokenizers.fast_encoder import FastEncoder, Ids
from lmkit.tokenizers.fastokens_file import UnsupportedTokenizerError, fastokens_file
from lmkit.tokenizers.recipe import PRE_TOKENIZERS, Recipe
from lmkit.tokenizers.special_tokens import special_tokens
from tests.conftest import prose
from tests.tokenizers.nasty import NASTY

CODE = "def f(x):\n    return {'a': [x, 1_000, 0x1F]}  # done\n\n\n\tif x != None:\r\n\t\tpass\n"
HTML = '<p class="a">fr&uuml;h &amp; sp\u00e4t<br/>\n<a href="https://e.org/?q=1%202">x</a></p>'
SCRIPTS = (
    "Všichni lidé se rodí svobodní. Все люди рождаются свободными. Όλοι οι άνθρωποι. "  # noqa: RUF001
    "يولد جميع الناس أحرارا. सभी मनुष्यों को गौरव. 人人生而自由，在尊严和权利上一律平等。"  # noqa: RUF001
    "すべての人間は、生まれながら。모든 인간은 태어날 때부터. มนุษย์ทั้งหลาย ১২৩ ١٢٣"
)


def random_texts() -> list[str]:
    generator = random.Random(3)
    blanks = [" ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\x85", "a", "7", "'s", "."]
    points = [point for point in range(0x30000) if not 0xD800 <= point < 0xE000]
    texts = ["".join(generator.choices(blanks, k=20)) for _ in range(300)]
    texts += ["".join(map(chr, generator.choices(points, k=60))) for _ in range(300)]
    texts += [unit * 3_000 for unit in ("a", " ", "\n", " \n", "=", "0", "é", "漢", "ab", "'s")]
    return texts


TEXTS = [
    *prose(20),
    *NASTY,
    *(special_tokens(3)),
    CODE,
    CODE * 30,
    HTML,
    HTML * 30,
    SCRIPTS,
    *random_texts(),
]
SETTINGS = [
    (name, digits)
    for name in PRE_TOKENIZERS["bpe"]
    for digits in (None, "single", "triples", "runs")
]


def made(name: str = "gpt4", digits: str | None = None) -> tokenizers.Tokenizer:
    recipe = Recipe("bpe", 900, 4, pre_tokenizer=name, digits=digits)  # type: ignore[arg-type]
    tokenizer = build.train([*prose(60), CODE * 5, HTML * 5, SCRIPTS], recipe)
    tokenizer.encode_special_tokens = True
    return tokenizer


def fast(tokenizer: tokenizers.Tokenizer) -> FastEncoder:
    def encode_other(texts: list[str]) -> list[Ids]:
        return encode_with_tokenizers(tokenizer, texts)

    return FastEncoder(fastokens_file(json.loads(tokenizer.to_str())), encode_other)


@pytest.mark.parametrize(("name", "digits"), SETTINGS)
def test_ids_are_those_of_tokenizers_for_every_setting(name: str, digits: str | None) -> None:
    tokenizer = made(name, digits)
    encoder = fast(tokenizer)
    expected = encode_with_tokenizers(tokenizer, TEXTS)
    for text, one, two in zip(TEXTS, encoder.encode_batch(TEXTS), expected, strict=True):
        assert np.array_equal(one, two), text
    with_old_white_space = sum("\u180e" in text for text in TEXTS)
    assert encoder.fallbacks == {"U+180E": with_old_white_space}


def test_a_text_with_the_mongolian_vowel_separator_is_left_to_tokenizers() -> None:
    tokenizer = made("words")
    encoder = fast(tokenizer)
    texts = ["one", "two\u180ethree", "\u180e", "four"]
    for one, two in zip(
        encoder.encode_batch(texts), encode_with_tokenizers(tokenizer, texts), strict=True
    ):
        assert np.array_equal(one, two)
    assert encoder.fallbacks == {"U+180E": 2}


class Refusing:
    """A library that fails for texts with an x."""

    def __init__(self, inner: FastEncoder, error: type[BaseException]) -> None:
        self.inner, self.error = inner._encoder, error

    def encode_batch_flat(self, texts: list[str], *settings: bool) -> tuple[bytes, bytes]:
        if any("x" in text for text in texts):
            raise self.error("refused")
        return self.inner.encode_batch_flat(texts, *settings)


class Panic(BaseException):
    """What a panic of the library is: no Exception."""


@pytest.mark.parametrize("error", [RuntimeError, ValueError, Panic])
def test_a_text_that_the_library_refuses_is_left_to_tokenizers(error: type[BaseException]) -> None:
    tokenizer = made()
    encoder = fast(tokenizer)
    encoder._encoder = Refusing(encoder, error)  # type: ignore[assignment]
    texts = ["one", "axe", "two", "x"]
    for one, two in zip(
        encoder.encode_batch(texts), encode_with_tokenizers(tokenizer, texts), strict=True
    ):
        assert np.array_equal(one, two)
    assert encoder.fallbacks == {"refused by fastokens": 2}


def test_an_interrupt_is_not_taken_for_a_failure() -> None:
    encoder = fast(made())
    encoder._encoder = Refusing(encoder, KeyboardInterrupt)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        encoder.encode_batch(["x"])


def test_no_texts_and_empty_texts_have_no_ids() -> None:
    encoder = fast(made())
    assert encoder.encode_batch([]) == []
    assert [ids.tolist() for ids in encoder.encode_batch(["", ""])] == [[], []]


def test_a_file_that_the_library_rejects_is_unsupported() -> None:
    with pytest.raises(UnsupportedTokenizerError, match="can't load"):
        FastEncoder("{}", lambda _: [])
