from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import pre_tokenizers

from lmkit.tokenizers import long_texts
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.conftest import prose
from tests.packing.test_round_trip import MAKERS, merged
from tests.tokenizers.made import train
from tests.tokenizers.nasty import NASTY

LONG = "\n\n".join([*prose(40), *NASTY[:18], *prose(10)])


@pytest.mark.parametrize("make", MAKERS)
def test_tokens_are_those_of_the_text_encoded_at_once(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    tokenizer = Tokenizer.load(make(tmp_path))
    assert long_texts.encode(tokenizer, LONG, part=700).tolist() == tokenizer.encode(LONG).tolist()
    parts = list(long_texts.parts(tokenizer, LONG, part=700))
    assert len(parts) > 20
    assert parts[0][0] == 0 and parts[-1][1] == len(LONG)
    assert all(before[1] == after[0] for before, after in pairwise(parts))


def test_a_tokenizer_that_adds_a_space_before_a_text_adds_it_once(
    tmp_path: Path,
) -> None:
    made = train(prose(20), "bpe", 700)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    save(made, tmp_path)
    tokenizer = Tokenizer.load(tmp_path)
    assert long_texts.encode(tokenizer, LONG, part=500).tolist() == tokenizer.encode(LONG).tolist()


def test_a_text_without_a_split_point_is_one_part(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(merged(tmp_path))
    text = "abc" * 2_000
    assert list(long_texts.parts(tokenizer, text, part=500)) == [(0, len(text))]
    assert long_texts.encode(tokenizer, text, part=500).tolist() == tokenizer.encode(text).tolist()
