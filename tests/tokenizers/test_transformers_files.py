"""A tokenizer's folder, as it is exported with a model."""

import json
from pathlib import Path

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as HfCheckpoint

from lmkit.tokenizers.tokenizer import Tokenizer, save
from lmkit.tokenizers.transformers_files import exported
from tests.tokenizers.made import train

transformers = pytest.importorskip("transformers")
TEXT = "The class </s> of objects."


@pytest.fixture
def folder(packed: Path) -> Path:
    return packed / "tokenizer"


def loaded(files: dict[str, bytes], folder: Path) -> object:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return transformers.AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(("begin", "end"), [(2, 3), (2, None), (None, 3), (None, None)])
def test_it_adds_the_bos_and_eos_that_documents_had(
    folder: Path, begin: int | None, end: int | None, tmp_path: Path
) -> None:
    peer = loaded(exported(folder, begin, end, 64, "decoder"), tmp_path)
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.text_of(2) == "<s>" and tokenizer.text_of(3) == "</s>"
    before, after = ([] if one is None else [one] for one in (begin, end))
    plain = tokenizer.encode("The class of objects.").tolist()
    got = peer("The class of objects.")  # pyright: ignore
    assert got["input_ids"] == [*before, *plain, *after]
    assert set(got) == {"input_ids", "attention_mask"}
    pair = peer("The class", " of objects.")["input_ids"]  # pyright: ignore
    one, two = tokenizer.encode("The class").tolist(), tokenizer.encode(" of objects.").tolist()
    assert pair == [*before, *one, *after, *two, *after]
    assert peer.model_max_length == 64  # pyright: ignore
    assert peer.decode(got["input_ids"], skip_special_tokens=True) == (  # pyright: ignore
        "The class of objects."
    )


def test_settings_that_run_code_or_truncate_texts_are_not_exported(
    folder: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    tokenizer = HfCheckpoint.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding()
    tokenizer.add_tokens([AddedToken("<new>")])
    tokenizer.save(str(own / "tokenizer.json"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    more = {"auto_map": {"AutoTokenizer": "evil.Tokenizer"}, "tokenizer_class": "EvilTokenizer"}
    (own / "tokenizer_config.json").write_text(json.dumps(config | more))
    files = exported(own, None, None, None, "encoder")
    written_config = json.loads(files["tokenizer_config.json"])
    assert (
        "auto_map" not in written_config
        and written_config["tokenizer_class"] == "PreTrainedTokenizerFast"
    )
    assert "model_max_length" not in written_config
    written = json.loads(files["tokenizer.json"])
    assert written["truncation"] is None and written["padding"] is None
    assert "<new>" in {token["content"] for token in written["added_tokens"]}
    assert "special_tokens_map.json" not in files


@pytest.mark.parametrize(("architecture", "first"), [("decoder", False), ("encoder", True)])
def test_only_decoders_pad_on_the_left(
    folder: Path, architecture: str, first: bool, tmp_path: Path
) -> None:
    peer = loaded(exported(folder, 2, None, 64, architecture), tmp_path)
    batch = peer(["one", "one and two and three"], padding=True)  # pyright: ignore
    assert bool(batch["attention_mask"][0][0]) is first


def test_an_encoder_names_the_tokens_of_its_sequences_as_roberta_does(
    folder: Path, tmp_path: Path
) -> None:
    assert Tokenizer.load(folder).class_ == 5  # <cls>, which no packed sequence holds
    peer = loaded(exported(folder, 2, 3, 64, "encoder"), tmp_path)
    assert (peer.cls_token, peer.sep_token, peer.mask_token) == (  # pyright: ignore
        "<s>",
        "</s>",
        "<mask>",
    )
    assert (peer.bos_token, peer.eos_token) == ("<s>", "</s>")  # pyright: ignore


def test_an_encoder_without_eos_has_no_separator(folder: Path, tmp_path: Path) -> None:
    peer = loaded(exported(folder, 2, None, 64, "encoder"), tmp_path)
    assert (peer.cls_token, peer.sep_token) == ("<s>", None)  # pyright: ignore


def test_a_decoder_with_the_tokens_of_bert_ends_texts_with_the_separator(tmp_path: Path) -> None:
    own, hf = tmp_path / "own", tmp_path / "hf"
    own.mkdir()
    hf.mkdir()
    save(train(["a b"], "wordpiece", 300), own)
    bert = Tokenizer.load(own)
    peer = loaded(exported(own, bert.bos, bert.eos, 64, "decoder"), hf)
    assert (peer.bos_token, peer.eos_token, peer.pad_token) == (  # pyright: ignore
        "[CLS]",
        "[SEP]",
        "[PAD]",
    )
