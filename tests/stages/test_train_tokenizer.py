import json
from pathlib import Path
from pydoc_data.topics import topics

import pytest
from transformers import AutoTokenizer

from lmkit.stages.train_tokenizer import TrainTokenizerConfig, train_tokenizer
from tests.conftest import Lmkit, contents, manifest, records
from tests.tokens.made import ALGORITHMS

SMALL = ("--vocab-size", "700", "--output", "tokenizer")


@pytest.fixture
def documents(here: Path) -> Path:
    """Some real documents as plain lines."""
    lines = [json.dumps({"id": name, "text": topics[name]}) for name in sorted(topics)[:12]]
    Path("topics.jsonl").write_text("\n".join(lines) + "\n")
    return Path("topics.jsonl")


def test_the_folder_loads_with_transformers_and_gives_texts_back(
    documents: Path, lmkit: Lmkit
) -> None:
    exit_code, out, _ = lmkit("train-tokenizer", documents, *SMALL)
    assert exit_code == 0
    assert out.startswith("tokenizer: bpe tokenizer of 700 tokens from 12 documents, ")
    peer = AutoTokenizer.from_pretrained("tokenizer")
    assert len(peer) == 700
    assert (peer.pad_token, peer.bos_token, peer.eos_token) == ("<pad>", "<s>", "</s>")
    for text in [*list(topics.values())[:3], "naïve 猫 \u00a0 x"]:
        ids = peer(text)["input_ids"]
        assert (ids[0], ids[-1]) == (peer.bos_token_id, peer.eos_token_id)
        assert peer.decode(ids, skip_special_tokens=True) == text


def test_the_same_input_gives_the_same_bytes(documents: Path) -> None:
    for name in ("one", "two"):
        values = {"inputs": [documents], "output": name, "vocab_size": 700}
        train_tokenizer(TrainTokenizerConfig.model_validate(values))
    assert contents(Path("one")) == contents(Path("two"))
    assert set(contents(Path("one"))) == {
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "report.json")
    }


def test_a_vocabulary_that_is_too_small_is_refused_before_anything_is_written(
    documents: Path, lmkit: Lmkit
) -> None:
    typed = ("--vocab-size", "12", "--output", "tokenizer")
    exit_code, out, err = lmkit("train-tokenizer", documents, *typed)
    assert (exit_code, out) == (2, "") and not Path("tokenizer").exists()
    message = "--vocab-size: got 12, must be at least 522: 256 bytes and 266 special tokens"
    assert err.splitlines()[0] == f"Error: {message}"


def test_a_text_that_yields_fewer_tokens_is_no_error_but_a_warning(
    here: Path, lmkit: Lmkit
) -> None:
    Path("a.jsonl").write_text(json.dumps({"text": "aa " * 50}))
    _, _, err = lmkit("train-tokenizer", "a.jsonl", "--output", "tokenizer")
    size = manifest(Path("tokenizer"))["details"]["vocabulary_size"]
    assert 522 <= size < 600
    assert f"the text yields {size} tokens, fewer than --vocab-size 32,768" in err


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_makes_a_folder(documents: Path, lmkit: Lmkit, algorithm: str) -> None:
    exit_code, _, _ = lmkit("train-tokenizer", documents, *SMALL, "--algorithm", algorithm)
    assert exit_code == 0
    details = manifest(Path("tokenizer"))["details"]
    peer = AutoTokenizer.from_pretrained("tokenizer")
    assert (details["algorithm"], details["vocabulary_size"]) == (algorithm, len(peer))
    assert len(peer) <= 700


def test_lines_that_cannot_be_read_are_counted_and_kept(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text(json.dumps({"text": "some text"}) + "\n{broken\n")
    lmkit("train-tokenizer", "a.jsonl", *SMALL)
    counts = manifest(Path("tokenizer"))["counts"]
    assert (counts["documents_in"], counts["documents_out"], counts["quarantined"]) == (2, 1, 1)
    assert len(records(Path("tokenizer"), "quarantine")) == 1


def test_documents_without_any_text_are_refused_and_leave_nothing(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text(json.dumps({"text": ""}))
    exit_code, _, err = lmkit("train-tokenizer", "a.jsonl", *SMALL)
    assert exit_code == 2 and "INPUTS: hold no text" in err
    assert not (Path("tokenizer").exists() and list(Path("tokenizer").iterdir()))


def test_sentinels_can_be_left_out(documents: Path, lmkit: Lmkit) -> None:
    lmkit("train-tokenizer", documents, *SMALL, "--sentinels", "0")
    assert "<extra_id_0>" not in AutoTokenizer.from_pretrained("tokenizer").get_vocab()
