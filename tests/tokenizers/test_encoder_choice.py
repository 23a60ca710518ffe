import pickle
from pathlib import Path

import numpy as np
import pytest

from lmkit.tokenizers import encoder_choice
from lmkit.tokenizers.encoder_choice import FAST, other_encoder
from lmkit.tokenizers.fast_encoder import FastEncoder, Ids
from lmkit.tokenizers.special_tokens import special_tokens
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.conftest import prose
from tests.tokenizers.made import ALGORITHMS, train
from tests.tokenizers.nasty import NASTY

TEXTS = [*prose(20), *NASTY, "".join(special_tokens(3)), "a\ud800 </s>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    save(train(prose(40), "bpe", 900), folder)
    return folder


class Wrong(FastEncoder):
    """Gives one wrong token, in texts with a sign that no other text of a test has."""

    def _encoded(self, texts: list[str]) -> list[Ids]:
        found = super()._encoded(texts)
        return [
            np.append(ids[:-1], np.uint32(300)) if "\u2603" in text else ids
            for text, ids in zip(texts, found, strict=True)
        ]


def test_a_proven_tokenizer_encodes_with_fastokens_and_the_same_ids(folder: Path) -> None:
    plain, proven = Tokenizer.load(folder), Tokenizer.load(folder)
    assert proven.encoder.prove() == FAST == proven.encoder.record
    for text, one, two in zip(
        TEXTS, plain.encode_batch(TEXTS), proven.encode_batch(TEXTS), strict=True
    ):
        assert one.tolist() == two.tolist(), text
    assert plain.encoder.record.library == "tokenizers"
    assert proven.encoder.record.fallbacks == {"U+180E": sum("\u180e" in t for t in TEXTS)}


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "bpe"])
def test_other_algorithms_are_encoded_by_tokenizers(algorithm: str, tmp_path: Path) -> None:
    save(train(prose(20), algorithm, 700), tmp_path)  # type: ignore[arg-type]
    tokenizer = Tokenizer.load(tmp_path)
    before = tokenizer.encode_batch(TEXTS)
    found = tokenizer.encoder.prove()
    assert found.library == "tokenizers" and found.reason
    for one, two in zip(before, tokenizer.encode_batch(TEXTS), strict=True):
        assert one.tolist() == two.tolist()


def test_a_probe_that_finds_one_wrong_token_leaves_everything_to_tokenizers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_choice, "FastEncoder", Wrong)
    tokenizer = Tokenizer.load(folder)
    found = tokenizer.encoder.prove()
    assert found.library == "tokenizers"
    assert "fastokens gives other ids for" in str(found.reason)
    expected = Tokenizer.load(folder).encode("snow \u2603")
    assert tokenizer.encode("snow \u2603").tolist() == expected.tolist()


def test_little_text_needs_no_proof_and_much_text_gets_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_choice, "WORTH_A_PROOF", 1_000)
    tokenizer = Tokenizer.load(folder)
    first = tokenizer.encode_batch(["word " * 199])
    assert tokenizer.encoder.record.reason == "little text"
    second = tokenizer.encode_batch(["word " * 199])
    assert tokenizer.encoder.record == FAST
    assert first[0].tolist() == second[0].tolist()


def test_a_choice_is_used_without_a_proof_and_counts_from_zero(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_choice, "probe_texts", lambda *_: 1 / 0)
    tokenizer = pickle.loads(pickle.dumps(Tokenizer.load(folder)))
    for _ in range(2):
        tokenizer.encoder.use(FAST)
        tokenizer.encode_batch(["a", "\u180e"])
        assert tokenizer.encoder.record.fallbacks == {"U+180E": 1}
    tokenizer.encoder.use(other_encoder("by choice"))
    tokenizer.encode_batch(["\u180e"])
    assert tokenizer.encoder.record == other_encoder("by choice")
