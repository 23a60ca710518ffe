import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models

from lmkit.commands.pack.run import pack
from tests.commands.pack.test_run import (
    DOCUMENTS,
    NAMES,
    config,
    made_tokenizer,
    placed,
    stored,
    tokenizer,
    typed,
    write,
)
from tests.conftest import SMALL_RUN, Lmkit, contents, manifest, prose

__all__ = ["made_tokenizer", "tokenizer"]  # fixtures

EOS = 3


def ids(path: str) -> list[int]:
    return np.fromfile(path, np.uint16).tolist()


def documents_of(path: str, separator: int = EOS) -> list[list[int]]:
    """Documents of a .bin file, token by token."""
    documents: list[list[int]] = [[]]
    for number in ids(path):
        if number == separator:
            documents.append([])
        else:
            documents[-1].append(number)
    assert not documents.pop()
    return documents


def test_a_packed_folder_becomes_nanogpts_files_and_can_be_packed_from_them(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    pack(config(write("a.jsonl"), validation="0.3"))
    exit_code, out, _ = lmkit("export", "out", "--output", "bin")
    assert exit_code == 0 and "3 after each of 30 documents" in out
    assert sorted(path.name for path in Path("bin").iterdir()) == [
        "manifest.json",
        "train.bin",
        "val.bin",
    ]
    for split, name in (("train", "train.bin"), ("validation", "val.bin")):
        assert documents_of(f"bin/{name}") == [document[1:-1] for document in stored("out", split)]
    command = typed("bin/train.bin", output="back")
    assert lmkit(*command, "--validation", "bin/val.bin")[0] == 0
    for split in ("train", "validation"):
        assert sorted(stored("back", split)) == sorted(stored("out", split))
        for key in ("documents", "tokens", "bytes_of_text"):
            without_separator, two = (
                manifest(Path(n))["details"][split][key] for n in ("out", "back")
            )
            assert without_separator == two
    assert lmkit("export", "back", "--output", "again")[0] == 0
    assert contents(Path("again")) == contents(Path("bin"))
    assert "up to date" in lmkit("export", "out", "--output", "bin")[2]


@pytest.mark.parametrize("options", [["--no-bos"], ["--no-eos"], ["--no-bos", "--no-eos"]])
def test_documents_are_exported_without_bos_and_eos(
    tokenizer: Path, lmkit: Lmkit, options: list[str]
) -> None:
    lmkit(*typed(write("a.jsonl", NAMES[:5])), "--validation", "0")
    lmkit(*typed("a.jsonl", output="other"), "--validation", "0", *options)
    assert lmkit("export", "out", "--output", "one")[0] == 0
    exit_code, _, err = lmkit("export", "other", "--output", "two")
    assert exit_code == 0 and "no val.bin" in err
    assert ids("one/train.bin") == ids("two/train.bin")


def test_another_separator_or_none_can_be_given(tokenizer: Path, lmkit: Lmkit) -> None:
    pack(config(write("a.jsonl", NAMES[:5]), validation="0"))
    assert lmkit("export", "out", "--output", "one", "--separator", "50256")[0] == 0
    assert lmkit("export", "out", "--output", "two", "--separator", "none")[0] == 0
    assert documents_of("one/train.bin", 50256) == [document[1:-1] for document in stored("out")]
    assert ids("two/train.bin") == [token for ids in stored("out") for token in ids[1:-1]]
    token = stored("out")[2][5]
    exit_code, _, err = lmkit("export", "out", "--output", "three", "--separator", str(token))
    assert exit_code == 1 and f"holds the separator {token}" in err


def test_a_vocabulary_too_large_for_16_bits_is_refused(tokenizer: Path, lmkit: Lmkit) -> None:
    pack(config(write("a.jsonl"), validation="0"))
    result = json.loads(Path("out/manifest.json").read_text())
    result["details"]["vocabulary_size"] = 65_537
    Path("out/manifest.json").write_text(json.dumps(result))
    exit_code, _, err = lmkit("export", "out", "--output", "bin")
    assert exit_code == 2 and "65,537" in err and not Path("bin").exists()


@pytest.mark.parametrize("path", ["nowhere", "documents", "."])
def test_an_input_that_is_no_packed_folder_is_refused(
    tokenizer: Path, lmkit: Lmkit, path: str
) -> None:
    lmkit("dedup", write("a.jsonl"), "--output", "documents")
    exit_code, _, err = lmkit("export", path, "--output", "bin")
    assert exit_code == 2 and not Path("bin").exists() and "pack" in err


@pytest.mark.parametrize("corrupt", ["truncated", "flipped"])
def test_a_corrupt_shard_is_not_exported(tokenizer: Path, lmkit: Lmkit, corrupt: str) -> None:
    pack(config(write("a.jsonl")))
    path = Path("out/train/tokens-00000.npy")
    content = path.read_bytes()
    path.write_bytes(content[:-2] if corrupt == "truncated" else content[:-1] + b"\x77")
    exit_code, _, err = lmkit("export", "out", "--output", "bin")
    assert exit_code == 2 and "tokens-00000.npy" in err and not Path("bin").exists()


def character_tokenizer(text: str, folder: Path) -> dict[str, int]:
    """Ids of nanoGPT's data/shakespeare_char/prepare.py, with special tokens after them."""
    characters = sorted(set(text))
    ids_of = {character: number for number, character in enumerate(characters)}
    result = Tokenizer(models.BPE(dict(ids_of), []))
    result.decoder = decoders.Fuse()
    roles = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    result.add_special_tokens([AddedToken(t, special=True) for t in roles.values()])
    folder.mkdir()
    (folder / "tokenizer.json").write_text(result.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps(roles))
    return ids_of


def test_files_made_like_nanogpts_shakespeare_char_are_trained_on(here: Path, lmkit: Lmkit) -> None:
    text = "\n".join(prose(40))
    ids_of = character_tokenizer(text, Path("characters"))
    split_at = int(0.9 * len(text))
    for name, part in (("train.bin", text[:split_at]), ("val.bin", text[split_at:])):
        np.array([ids_of[c] for c in part], dtype=np.uint16).tofile(name)
    Path("meta.pkl").write_bytes(b"cos\nsystem\n(S'touch was-unpickled'\ntR.")
    command = ["pack", "train.bin", "--tokenizer", "characters", "--output", "packed"]
    exit_code, _, err = lmkit(*command, "--sequence-length", "32")
    assert exit_code == 2 and "hold one document" in err
    options = ["--validation", "val.bin", "--sequence-length", "32"]
    exit_code, out, _ = lmkit(*command, *options)
    assert exit_code == 0 and "train: 1 documents" in out
    (ids_in_train,) = stored("packed")
    assert "".join(sorted(ids_of)[n] for n in ids_in_train[1:-1]) == text[:split_at]
    assert manifest(Path("packed"))["details"]["train"]["bytes_of_text"] == len(
        text[:split_at].encode()
    )
    assert lmkit("pretrain", "packed", "--output", "run", *SMALL_RUN, "--steps", "2")[0] == 0
    assert not Path("was-unpickled").exists()


def test_files_made_like_nanogpts_openwebtext_are_packed_as_their_texts_would_be(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    """Each document's ids, then the end-of-text id, as data/openwebtext/prepare.py has them."""
    from lmkit.tokenizers.tokenizer import Tokenizer as LmkitTokenizer

    encode = LmkitTokenizer.load(tokenizer).encode
    documents = [encode(DOCUMENTS[name]).tolist() for name in NAMES]
    length = sum(len(document) + 1 for document in documents)
    file = np.memmap("train.bin", dtype=np.uint16, mode="w+", shape=(length,))
    file[:] = [token for document in documents for token in [*document, EOS]]
    file.flush()
    command = [*typed("train.bin", output="out"), "--validation", "0.2"]
    assert lmkit(*command)[0] == 0
    pack(config(write("a.jsonl"), output="texts", validation="0.2"))
    sorted_documents = [
        sorted(stored(f, "train") + stored(f, "validation")) for f in ("out", "texts")
    ]
    assert sorted_documents[0] == sorted_documents[1]
    other = [*typed("train.bin", output="other"), "--validation", "0.2"]
    assert lmkit(*other, "--shard-bytes", "1", "--workers", "2")[0] == 0
    for split in ("train", "validation"):
        assert placed("other", split) == placed("out", split)
    without_separator = [
        *typed("train.bin", output="whole"),
        "--validation",
        "0",
        "--separator",
        "none",
    ]
    assert lmkit(*without_separator)[0] == 0
    (content,) = stored("whole")
    assert content[1:-1] == file.tolist()


def test_a_token_file_of_another_tokenizer_is_refused_before_work_starts(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    np.array([400, 5_000, 50_256, 17], np.uint16).tofile("train.bin")
    exit_code, _, err = lmkit(*typed("train.bin"), "--validation", "0", "--separator", "50256")
    assert exit_code == 2 and not Path("out").exists()
    assert "train.bin: the token at byte 2 is 5000, but the tokenizer has ids from 0 to 699" in err


def test_a_bad_token_far_into_a_file_is_refused_with_its_offset(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    good = [token for ids in ([400, 401, 402, EOS] for _ in range(500)) for token in ids]
    np.array([*good, 9_999, EOS], np.uint16).tofile("train.bin")
    exit_code, _, err = lmkit(*typed("train.bin"), "--validation", "0")
    assert exit_code == 1 and "the token at byte 4,000 is 9999" in err
    assert not Path("out/manifest.json").exists()


def test_a_token_file_that_is_one_too_long_document_is_refused_with_a_hint(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    np.full(1_000, 400, np.uint16).tofile("train.bin")
    command = [*typed("train.bin"), "--validation", "0", "--separator", "none"]
    exit_code, _, err = lmkit(*command, "--max-record", "1999")
    assert exit_code == 2 and "--max-record (1,999 bytes)" in err and not Path("out").exists()


def test_token_files_are_read_only_where_they_are_named(tokenizer: Path, lmkit: Lmkit) -> None:
    Path("mixed").mkdir()
    shutil.copy(write("a.jsonl"), "mixed/a.jsonl")
    Path("mixed/weights.bin").write_bytes(b"\xff" * 1_000)
    assert lmkit(*typed("mixed"))[0] == 0
    assert manifest(Path("out"))["counts"]["documents_in"] == len(NAMES)
    exit_code, _, err = lmkit("dedup", "mixed/weights.bin", "--output", "no")
    assert exit_code == 2 and "must end in .jsonl" in err and "raw text" not in err


def test_a_truncated_token_file_quarantines_its_last_document(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    pack(config(write("a.jsonl"), validation="0"))
    lmkit("export", "out", "--output", "bin")
    content = Path("bin/train.bin").read_bytes()
    Path("documents_of.bin").write_bytes(content[:-5])
    assert lmkit(*typed("documents_of.bin", output="cut"), "--validation", "0")[0] == 0
    counts = manifest(Path("cut"))["counts"]
    assert (counts["documents_in"], counts["quarantined"]) == (len(NAMES), 1)
