import random

import pytest

from lmkit.generation.text_stream import TextStream
from tests.generation.tokenizers_of_each_kind import ALGORITHMS, prompts, tokenizer_of


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_parts_of_any_tokens_are_the_text_that_is_decoded_at_once(algorithm: str) -> None:
    tokenizer = tokenizer_of(algorithm)
    special = set(tokenizer.special.tolist())
    text_ids = [n for n in range(tokenizer.size) if n not in special]
    byte_ids = [n for n in text_ids if (tokenizer.text_of(n) or "").startswith("<0x")]
    rng = random.Random(5)
    for number in range(400):
        ids = rng.choices(text_ids, k=rng.randint(0, 30))
        if byte_ids and number % 2:  # runs of bytes, mostly invalid
            ids = rng.choices(text_ids[:60] + byte_ids, k=rng.randint(0, 30))
        start = rng.randint(0, len(ids))
        stream = TextStream(tokenizer, ids[:start])
        parts = [stream.start, *map(stream.push, ids[start:]), stream.tail]
        assert "".join(parts) == tokenizer.decode(ids)


@pytest.mark.parametrize("algorithm", ["bpe", "byte", "unigram", "character"])
def test_characters_are_shown_whole_and_as_soon_as_they_are_complete(algorithm: str) -> None:
    tokenizer = tokenizer_of(algorithm)
    for text in prompts(60):
        stream, parts = TextStream(tokenizer), list[str]()
        for token in tokenizer.encode(text).tolist():
            parts.append(stream.push(token))
            waits = bool(stream.tail)
            so_far = "".join(parts)
            assert "\N{REPLACEMENT CHARACTER}" not in so_far
            assert tokenizer.normal_form(text).startswith(so_far)
            assert waits or so_far
        assert "".join(parts) + stream.tail == tokenizer.normal_form(text)


def test_bytes_that_never_become_a_character_are_replaced_at_the_end() -> None:
    tokenizer = tokenizer_of("byte")
    first, *_ = tokenizer.encode("é").tolist()
    (letter,) = tokenizer.encode("a").tolist()
    stream = TextStream(tokenizer)
    assert [stream.push(token) for token in (letter, first)] == ["a", ""]
    assert stream.tail == "\N{REPLACEMENT CHARACTER}"
    assert stream.push(letter) == "\N{REPLACEMENT CHARACTER}a" and not stream.tail


def test_special_tokens_before_a_text_are_not_shown() -> None:
    tokenizer = tokenizer_of("bpe")
    assert tokenizer.bos is not None
    stream = TextStream(tokenizer, [tokenizer.bos])
    assert stream.start == "" and stream.push(tokenizer.encode("a").tolist()[0]) == "a"
