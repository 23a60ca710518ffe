import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers
from transformers import BertTokenizer, T5Tokenizer

from lmkit.packing.round_trip import RoundTrip
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.conftest import prose
from tests.tokenizers.made import train
from tests.tokenizers.nasty import NASTY

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PUNCTUATION = ".,;:!?'\"`()[]{}<>=+-*/\\|&^%$#@~_"
WORDS = ["don", "do", "not", "the", "statement", "object", "##s", "##ing"]
LOSSY = [
    "Don't!  I do not  object,\n\nsaid the naïve CAFÉ owner (in 1984).",
    "a\tword 日本語 behind",
    "x" * 200 + " is no word",
]


def bert(folder: Path) -> Path:
    """A tokenizer of Transformers with a vocabulary like BERT's."""
    pieces = [*LETTERS, *PUNCTUATION, *(f"##{letter}" for letter in LETTERS), *WORDS]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(pieces)]
    BertTokenizer(vocab={t: n for n, t in enumerate(vocabulary)}).save_pretrained(folder)
    return folder


def t5(folder: Path) -> Path:
    pieces = ["▁", *LETTERS, *LETTERS.upper(), *PUNCTUATION, "▁the", "ing", "▁stat"]
    scored = [(piece, -float(2 + n)) for n, piece in enumerate(pieces)]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *scored]
    made = T5Tokenizer(vocab=vocabulary, extra_ids=0)
    made.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]
    )
    made.save_pretrained(folder)
    return folder


def words(folder: Path) -> Path:
    save(train(prose(20), "word", 400), folder)
    return folder


def merged(folder: Path) -> Path:
    save(train(prose(20), "bpe", 700), folder)
    return folder


def characters(folder: Path) -> Path:
    save(train(prose(2), "character", 560), folder)
    return folder


MAKERS = [bert, t5, words, merged, characters]


@pytest.mark.parametrize("make", MAKERS)
def test_tokens_of_a_text_pass_the_check_for_lossy_tokenizers_too(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = make(tmp_path)
    tokenizer = Tokenizer.load(folder)
    round_trip = RoundTrip(folder, tokenizer)
    for text in (*prose(60), *LOSSY, *NASTY):
        if make is t5 and ("<pad>" in text or "</s>" in text or "<unk>" in text):
            continue
        assert round_trip.holds(text, tokenizer.encode(text)), text


@pytest.mark.parametrize("make", MAKERS)
def test_tokens_of_another_text_fail_the_check(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = make(tmp_path)
    tokenizer = Tokenizer.load(folder)
    round_trip = RoundTrip(folder, tokenizer)
    texts = prose(20)
    for text, other in pairwise(texts):
        ids = tokenizer.encode(text)
        assert not round_trip.holds(other, ids)
        assert not round_trip.holds(text, ids[::-1])
        if not (ids == tokenizer.unknown).any():  # those hide missing text
            assert not round_trip.holds(text, ids[:-5])


def test_a_control_token_encoded_from_text_is_detected(tmp_path: Path) -> None:
    folder = t5(tmp_path)
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.pad is not None
    ids = np.concatenate([tokenizer.encode("a "), [tokenizer.pad], tokenizer.encode("b")])
    assert not RoundTrip(folder, Tokenizer.load(folder)).holds("a <pad>b", ids)


def test_a_tokenizer_without_its_decoder_is_detected(tmp_path: Path) -> None:
    folder = merged(tmp_path)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"decoder": None}))
    (text,) = prose(1)
    ids = Tokenizer.load(folder).encode(text)
    assert not RoundTrip(folder, Tokenizer.load(folder)).holds(text, ids)


def test_changes_of_the_tokenizers_normalizer_are_accepted(tmp_path: Path) -> None:
    tokenizer = train(prose(20), "bpe", 700)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace("statement", "sentence")]
    )
    save(tokenizer, tmp_path)
    text = "A Statement is a STATEMENT"
    assert RoundTrip(tmp_path, Tokenizer.load(tmp_path)).holds(
        text, Tokenizer.load(tmp_path).encode(text)
    )


def test_the_unknown_token_is_found_in_the_settings_of_the_model(tmp_path: Path) -> None:
    tokenizer = tokenizers.Tokenizer(models.WordLevel({"?": 0, "a": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str())
    assert Tokenizer.load(tmp_path).unknown is None
    assert RoundTrip(tmp_path, Tokenizer.load(tmp_path)).unknown == 0
    assert RoundTrip(tmp_path, Tokenizer.load(tmp_path)).holds(
        "a b a", Tokenizer.load(tmp_path).encode("a b a")
    )


def test_bytes_that_are_never_joined_are_detected(tmp_path: Path) -> None:
    tokenizer = train(["abc"], "character", 530)
    tokenizer.decoder = decoders.Fuse()
    save(tokenizer, tmp_path)
    round_trip, encode = (
        RoundTrip(tmp_path, Tokenizer.load(tmp_path)),
        Tokenizer.load(tmp_path).encode,
    )
    assert round_trip.holds("abcabc", encode("abcabc"))
    assert not round_trip.holds("abc日", encode("abc日"))
