from pathlib import Path

import pytest

from lmkit.packing.preview import special_texts, tokenized
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.tokenizers.made import train


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    save(train(["a naïve cat " * 9], "byte", 600, sentinels=3), tmp_path)
    return Tokenizer.load(tmp_path)


def test_a_part_of_a_character_is_shown_in_its_vocabulary_form(tokenizer: Tokenizer) -> None:
    pieces = tokenized(tokenizer, "aï")
    # ï is C3 AF, and printable Latin-1 bytes represent themselves; ids follow 13 special tokens.
    assert pieces == [
        {"piece": "a", "id": 13 + ord("a")},
        {"piece": "Ã", "id": 13 + 0xC3},
        {"piece": "¯", "id": 13 + 0xAF},
    ]


def test_the_sentinels_are_named_once(tokenizer: Tokenizer) -> None:
    names = special_texts(tokenizer)
    assert names[0] == "<pad>" and names[-1] == "<extra_id_0...2>" and len(names) == 11
