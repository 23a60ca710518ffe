import json
import math

import pytest

from lmkit.tokenizers.build import train
from lmkit.tokenizers.options import PreTokenizer
from lmkit.tokenizers.recipe import PRE_TOKENIZERS, Recipe
from lmkit.tokenizers.special_tokens import ROLES, special_tokens
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.trainers import BYTES
from tests.conftest import prose
from tests.tokenizers.nasty import NASTY


def made(texts: list[str], recipe: Recipe) -> Tokenizer:
    return Tokenizer(train(texts, recipe).to_str().encode(), ROLES)


def test_the_most_probable_segmentation_is_chosen() -> None:
    tokenizer = train(prose(40), Recipe("unigram", 900))
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    scores = {token: score for token, score in vocabulary if score > -1e5}

    def best(word: str) -> float:
        """Return the best score over all segmentations of a word."""
        if not word:
            return 0.0
        return max(
            (
                scores[word[:n]] + best(word[n:])
                for n in range(1, len(word) + 1)
                if word[:n] in scores
            ),
            default=-math.inf,
        )

    for word in (" statement", " the", " function", "example", " returns"):
        tokens = tokenizer.encode(word, add_special_tokens=False)
        total = sum(scores[tokenizer.id_to_token(number)] for number in tokens.ids)
        assert total == pytest.approx(best(word))


def test_no_text_is_split_into_byte_or_special_tokens_with_its_spelling() -> None:
    tokenizer = made(["no angle brackets here"] * 3, Recipe("unigram", 700))
    texts = [*special_tokens(), *BYTES, "".join(BYTES)]
    control = {tokenizer.id_of(token) for token in special_tokens()}
    for text, ids in zip(texts, tokenizer.encode_batch(texts), strict=True):
        assert control.isdisjoint(ids.tolist()), text
        assert tokenizer.decode(ids) == text


def test_rare_characters_are_bytes() -> None:
    # 9,999 of 10,000 characters are a or b: the one é is beyond the coverage of 99.95%.
    tokenizer = train(["ab " * 3_333 + "é"], Recipe("unigram", 700))
    assert tokenizer.encode("é", add_special_tokens=False).ids == [
        tokenizer.token_to_id("<0xC3>"),
        tokenizer.token_to_id("<0xA9>"),
    ]


@pytest.mark.parametrize("name", PRE_TOKENIZERS["unigram"])
def test_every_text_survives_the_round_trip(name: PreTokenizer) -> None:
    tokenizer = made(prose(20) + NASTY[:16], Recipe("unigram", 900, pre_tokenizer=name))
    for text, ids in zip(NASTY, tokenizer.encode_batch(NASTY), strict=True):
        # As in SentencePiece, a ▁ in the text can't be distinguished from a space.
        expected = text.replace("▁", " ") if name == "metaspace" else text
        assert tokenizer.decode(ids) == expected


def test_with_metaspace_words_begin_with_its_character() -> None:
    tokenizer = train(
        ["the cat and the dog"] * 20, Recipe("unigram", 700, pre_tokenizer="metaspace")
    )
    tokens = [
        tokenizer.id_to_token(n) for n in tokenizer.encode(" the", add_special_tokens=False).ids
    ]
    assert "".join(tokens) == "▁the"
