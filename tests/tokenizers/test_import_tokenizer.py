import json
from pathlib import Path

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers
from transformers import AutoTokenizer, BertTokenizer, GPT2Tokenizer, T5Tokenizer

from lmkit.errors import InputError
from lmkit.tokenizers.import_tokenizer import import_tokenizer, missing_special_tokens_of
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.tokenizers.made import train


def written(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    """A folder as Transformers saves GPT-2's tokenizer: one special token for all roles."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {
        character: number for number, character in enumerate([*alphabet, "<|endoftext|>"])
    }
    GPT2Tokenizer(vocab=vocabulary, merges=[]).save_pretrained(tmp_path / "gpt2")
    return tmp_path / "gpt2"


@pytest.fixture
def t5(tmp_path: Path) -> Path:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁the", -3.0)]
    pieces += [(character, -5.0) for character in "abcdefghijklmnopqrstuvwxyz</>"]
    T5Tokenizer(vocab=pieces, extra_ids=100).save_pretrained(tmp_path / "t5")
    return tmp_path / "t5"


def test_an_imported_tokenizer_is_identical(gpt2: Path, tmp_path: Path) -> None:
    folder = written(import_tokenizer(gpt2, add_missing=False), tmp_path / "new")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (folder / name).read_bytes() == (gpt2 / name).read_bytes()


def test_missing_special_tokens_are_named_with_what_needs_them(gpt2: Path) -> None:
    tokenizer = Tokenizer.load(gpt2)
    assert (tokenizer.bos, tokenizer.eos) == (256, 256)
    assert [problem.split(" needs")[0] for problem in missing_special_tokens_of(tokenizer)] == [
        "pack",
        "mlm",
        "span corruption",
        "fill-in-the-middle",
    ]


def test_missing_special_tokens_can_be_added_and_no_id_changes(gpt2: Path, tmp_path: Path) -> None:
    folder = written(import_tokenizer(gpt2, add_missing=True, sentinels=3), tmp_path / "new")
    old, new = Tokenizer.load(gpt2), Tokenizer.load(folder)
    assert missing_special_tokens_of(new) == []
    assert [old.text_of(number) for number in range(old.size)] == [
        new.text_of(number) for number in range(old.size)
    ]
    assert (
        new.size == old.size + 8
    )  # <pad>, <mask>, three fill-in-the-middle tokens, three sentinels
    assert (new.pad, new.mask, new.bos, new.eos) == (257, 258, 256, 256)
    assert new.sentinels == (264, 263, 262)
    peer = AutoTokenizer.from_pretrained(folder)
    assert (peer.pad_token_id, peer.mask_token_id, peer.eos_token_id) == (257, 258, 256)
    assert peer("a b")["input_ids"] == AutoTokenizer.from_pretrained(gpt2)("a b")["input_ids"]


def test_a_single_file_is_enough_if_its_tokens_have_well_known_names(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b"]
    ids = {word: number for number, word in enumerate(words)}
    bert = tokenizers.Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    bert.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bert.decoder = decoders.WordPiece()
    bert.add_special_tokens(words[:5])
    bert.save(str(tmp_path / "bert.json"))
    folder = written(import_tokenizer(tmp_path / "bert.json", add_missing=False), tmp_path / "new")
    tokenizer = Tokenizer.load(folder)
    assert (tokenizer.pad, tokenizer.bos, tokenizer.eos, tokenizer.mask) == (0, 2, 3, 4)
    peer = AutoTokenizer.from_pretrained(folder)
    assert (peer.cls_token, peer.sep_token, peer.mask_token) == ("[CLS]", "[SEP]", "[MASK]")


def test_a_control_token_in_a_text_is_text_even_if_the_model_recognizes_it(t5: Path) -> None:
    tokenizer = Tokenizer.load(t5)
    raw = tokenizers.Tokenizer.from_file(str(t5 / "tokenizer.json"))
    raw.encode_special_tokens = True
    assert raw.token_to_id("</s>") in raw.encode("the</s>", add_special_tokens=False).ids
    ids = tokenizer.encode("the</s>the")
    assert tokenizer.eos not in ids
    assert [tokenizer.text_of(number) for number in ids if number != tokenizer.id_of("▁")] == [
        "▁the",
        "<",
        "/",
        "s",
        ">",
        "t",
        "h",
        "e",
    ]


def test_the_roles_of_berts_tokenizer_class_are_found(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b"]
    ids = {word: number for number, word in enumerate(words)}
    BertTokenizer(vocab=ids).save_pretrained(tmp_path / "bert")
    tokenizer = Tokenizer.load(tmp_path / "bert")
    assert (tokenizer.pad, tokenizer.bos, tokenizer.eos, tokenizer.mask) == (0, 2, 3, 4)
    assert tokenizer.encode("ab [SEP]").tolist() == [5, 6, 1, 1, 1]


def test_a_folder_without_tokenizer_json_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    with pytest.raises(InputError, match=r"holds no tokenizer\.json") as error:
        import_tokenizer(tmp_path, add_missing=False)
    assert "save_pretrained" in str(error.value.hint)


def test_a_trained_tokenizer_has_all_special_tokens(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(train(["a"], "byte", 522).to_str())
    assert missing_special_tokens_of(Tokenizer.load(tmp_path)) == []
    assert json.loads(import_tokenizer(tmp_path, add_missing=True)["tokenizer.json"])
