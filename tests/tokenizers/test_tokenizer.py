import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers
from transformers import AutoTokenizer

from lmkit.errors import InputError
from lmkit.tokenizers import build
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.special_tokens import BERT_ROLES, special_tokens
from lmkit.tokenizers.tokenizer import FILES, Tokenizer, save
from tests.tokenizers.made import ALGORITHMS, EXACT, train
from tests.tokenizers.nasty import NASTY

CORPUS = ["Once upon a time there was a word, and the word was 'once'.\n\n"] * 3 + NASTY[:20]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made: dict[str, Path] = {}
    for algorithm in ALGORITHMS:
        made[algorithm] = tmp_path_factory.mktemp(algorithm)
        save(train(CORPUS, algorithm, 700), made[algorithm])
    return made


@pytest.fixture(params=ALGORITHMS)
def folder(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    return folders[request.param]


@pytest.mark.parametrize("algorithm", EXACT)
def test_every_text_survives_the_round_trip(folders: dict[str, Path], algorithm: str) -> None:
    tokenizer = Tokenizer.load(folders[algorithm])
    for text, ids in zip(NASTY, tokenizer.encode_batch(NASTY), strict=True):
        assert tokenizer.decode(ids) == text
        assert tokenizer.unknown not in ids


def test_decoded_words_are_separated_by_one_space(folders: dict[str, Path]) -> None:
    tokenizer = Tokenizer.load(folders["word"])
    ids = tokenizer.encode(" Once\tupon\n\na zebra,")
    assert tokenizer.decode(ids) == "Once upon a <unk> ,"


def test_a_special_token_written_in_a_text_is_text(folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    tokens = (*special_tokens(), *BERT_ROLES.values())
    texts = [*tokens, "".join(tokens), *(f"a {token} b" for token in tokens)]
    control = np.setdiff1d(tokenizer.special, [tokenizer.unknown])
    for text, ids in zip(texts, tokenizer.encode_batch(texts), strict=True):
        assert len(ids)
        assert not np.isin(ids, control).any(), text


def test_a_special_token_in_a_text_is_still_text_after_pickling(folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    sent = pickle.loads(pickle.dumps(tokenizer))
    assert sent.encode("a</s>").tolist() == tokenizer.encode("a</s>").tolist()
    assert (sent.pad, sent.eos, sent.fingerprint) == (0, 3, tokenizer.fingerprint)


def test_the_roles_have_their_ids(folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    assert (tokenizer.pad, tokenizer.unknown, tokenizer.bos, tokenizer.eos) == (0, 1, 2, 3)
    is_bert, (mask, class_, separator) = tokenizer.algorithm == "wordpiece", (4, 5, 6)
    if is_bert:  # it has no BOS and EOS beside these
        class_, separator = 2, 3
    assert (tokenizer.mask, tokenizer.class_, tokenizer.separator) == (mask, class_, separator)
    first = 8 if is_bert else 10
    assert tokenizer.sentinels == tuple(range(first + 255, first - 1, -1))
    assert tokenizer.special.tolist() == list(range(first + 256))


def test_special_tokens_are_left_out_of_the_decoded_text(folders: dict[str, Path]) -> None:
    tokenizer = Tokenizer.load(folders["bpe"])
    ids = [2, *tokenizer.encode("once"), 265, 1, 3, 0, 0]
    assert tokenizer.decode(ids) == tokenizer.decode(np.array(ids)) == "once"


def test_a_lone_surrogate_is_encoded_as_the_replacement_character(folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.encode("a\ud800").tolist() == tokenizer.encode("a\ufffd").tolist()


def test_transformers_loads_the_folder_with_every_role(folder: Path) -> None:
    peer = AutoTokenizer.from_pretrained(folder)
    tokenizer = Tokenizer.load(folder)
    assert len(peer) == tokenizer.size
    assert peer.pad_token_id == tokenizer.pad
    assert peer.unk_token_id == tokenizer.unknown
    if tokenizer.algorithm == "wordpiece":  # as BERT's
        assert (peer.bos_token, peer.eos_token) == (None, None)
    else:
        assert (peer.bos_token_id, peer.eos_token_id) == (tokenizer.bos, tokenizer.eos)
    assert peer.mask_token_id == tokenizer.mask
    assert peer.cls_token_id == tokenizer.class_
    assert peer.sep_token_id == tokenizer.separator
    assert sorted(peer.all_special_ids) == tokenizer.special.tolist()


def test_transformers_encodes_the_same_and_adds_bos_and_eos(folder: Path) -> None:
    peer = AutoTokenizer.from_pretrained(folder)
    tokenizer = Tokenizer.load(folder)
    special = {*special_tokens(), *BERT_ROLES.values()}
    texts = [text for text in NASTY if not any(token in text for token in special)]
    for text, ids in zip(texts, tokenizer.encode_batch(texts), strict=True):
        assert peer(text)["input_ids"] == [tokenizer.bos, *ids.tolist(), tokenizer.eos]


@pytest.mark.parametrize("algorithm", EXACT)
def test_transformers_decodes_the_same_text(folders: dict[str, Path], algorithm: str) -> None:
    peer = AutoTokenizer.from_pretrained(folders[algorithm])
    tokenizer = Tokenizer.load(folders[algorithm])
    for text, ids in zip(NASTY, tokenizer.encode_batch(NASTY), strict=True):
        assert peer.decode(ids.tolist()) == text


def test_a_folder_that_transformers_has_saved_loads_here(folder: Path, tmp_path: Path) -> None:
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    saved, tokenizer = Tokenizer.load(tmp_path), Tokenizer.load(folder)
    assert (saved.bos, saved.eos, saved.mask, saved.size) == (2, 3, 4, tokenizer.size)
    assert saved.encode("once </s>").tolist() == tokenizer.encode("once </s>").tolist()


def test_class_and_separator_serve_as_bos_and_eos(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b"]
    ids = {word: number for number, word in enumerate(words)}
    bert = tokenizers.Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    bert.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bert.decoder = decoders.WordPiece()
    bert.add_special_tokens(words[:4])
    bert.save(str(tmp_path / "tokenizer.json"))
    roles = {"cls_token": "[CLS]", "sep_token": {"content": "[SEP]"}, "unk_token": "[UNK]"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(roles), "utf-8")
    tokenizer = Tokenizer.load(tmp_path)
    assert (tokenizer.bos, tokenizer.eos, tokenizer.pad, tokenizer.mask) == (2, 3, None, None)
    assert tokenizer.sentinels == ()
    assert tokenizer.decode(tokenizer.encode("ab [SEP]")).startswith("ab")


def test_truncation_and_padding_in_a_file_are_ignored(tmp_path: Path) -> None:
    tokenizer = train(["a b"], "byte", 522)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=8)
    save(tokenizer, tmp_path)
    encoded = Tokenizer.load(tmp_path).encode_batch(["a", "a long text"])
    assert [len(ids) for ids in encoded] == [1, 11]


def test_the_fingerprint_is_that_of_the_file(folder: Path, tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert Tokenizer.load(tmp_path).fingerprint == Tokenizer.load(folder).fingerprint
    changed = (tmp_path / "tokenizer.json").read_text("utf-8")
    changed = changed.replace("<mask>", "<mosk>").replace("[MASK]", "[MOSK]")
    (tmp_path / "tokenizer.json").write_text(changed, "utf-8")
    assert Tokenizer.load(tmp_path).fingerprint != Tokenizer.load(folder).fingerprint


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokenizer\.json: cannot read it: No such file") as error:
        Tokenizer.load(tmp_path)
    assert "lmkit train-tokenizer" in str(error.value.hint)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": "1.0", "model"', b"\xff\xfe"])
def test_a_damaged_tokenizer_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(InputError, match=r"tokenizer\.json: not a tokenizer"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("content", ["", "[1, 2]", "{"])
def test_a_damaged_configuration_is_named(folder: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(content, "utf-8")
    with pytest.raises(InputError, match=r"tokenizer_config\.json: not a JSON object"):
        Tokenizer.load(tmp_path)


UNKNOWN_IN_TEXT = [
    "<unk> said 0",
    "the river\n<unk> was near",
    "<unk>",
    "x<unk>y <UNK><unk> </s>",
    "名<unk>前",
]


@pytest.mark.parametrize("splitting", ["gpt4", "gpt2", "words", "whitespace"])
def test_the_name_of_the_unknown_token_in_a_text_is_text(splitting: str, tmp_path: Path) -> None:
    recipe = Recipe("bpe", 700, 4, pre_tokenizer=splitting)  # pyright: ignore[reportArgumentType]
    save(build.train(["<unk> said that <unk> was near\n<unk> and </s>"] * 9, recipe), tmp_path)
    tokenizer = Tokenizer.load(tmp_path)
    for text, ids in zip(UNKNOWN_IN_TEXT, tokenizer.encode_batch(UNKNOWN_IN_TEXT), strict=True):
        assert tokenizer.decode(ids) == text and not np.isin(ids, tokenizer.special).any()


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_the_unknown_token_of_a_unigram_model_is_for_unknown_characters_only(scheme: str) -> None:
    control = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [*control, ("▁", -3.0), *((sign, -4.0) for sign in "abcdefhiknostuy<>/\n")]
    model = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    model.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)  # pyright: ignore
    model.decoder = decoders.Metaspace(prepend_scheme=scheme)  # pyright: ignore
    model.add_special_tokens(["<pad>", "</s>", "<unk>"])
    roles = {"pad": "<pad>", "end": "</s>", "unknown": "<unk>"}
    tokenizer = Tokenizer(model.to_str().encode(), roles)
    for text in ("the <unk> of it", "<unk>", "a </s> b", "<unk><unk> at\nit"):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text and not np.isin(ids, tokenizer.special).any()
    ids = tokenizer.encode("é is <unk>")  # e with acute isn't in the vocabulary
    assert np.count_nonzero(ids == tokenizer.unknown) == 1
    assert tokenizer.decode(ids) == " is <unk>"
