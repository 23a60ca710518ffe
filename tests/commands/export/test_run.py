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
    as_typed,
    write,
)
from tests.conftest import SMALL_RUN, Lmkit, contents, manifest, prose

__all__ = ["made_tokenizer", "tokenizer"]  # fixtures

END = 3


def ids(path: str) -> list[int]:
    return np.fromfile(path, np.uint16).tolist()


def cut(path: str, separator: int = END) -> list[list[int]]:
    """Documents of a .bin file, by going through it token by token."""
    found: list[list[int]] = [[]]
    for number in ids(path):
        if number == separator:
            found.append([])
        else:
            found[-1].append(number)
    assert not found.pop()
    return found


def test_a_packed_folder_becomes_nanogpts_files_and_comes_back(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    pack(config(write("a.jsonl"), validation="0.3"))
    exit_code, out, _ = lmkit("export", "out", "--output", "bin")
    assert exit_code == 0 and "3 behind each of 30 documents" in out
    assert sorted(path.name for path in Path("bin").iterdir()) == [
        "manifest.json",
        "train.bin",
        "val.bin",
    ]
    for side, name in (("train", "train.bin"), ("validation", "val.bin")):
        assert cut(f"bin/{name}") == [document[1:-1] for document in stored("out", side)]
    command = as_typed("bin/train.bin", output="back")
    assert lmkit(*command, "--validation", "bin/val.bin")[0] == 0
    for side in ("train", "validation"):
        assert sorted(stored("back", side)) == sorted(stored("out", side))
        for key in ("documents", "tokens", "bytes_of_text"):
            one, two = (manifest(Path(n))["details"][side][key] for n in ("out", "back"))
            assert one == two
    assert lmkit("export", "back", "--output", "again")[0] == 0
    assert contents(Path("again")) == contents(Path("bin"))
    assert "up to date" in lmkit("export", "out", "--output", "bin")[2]


@pytest.mark.parametrize("framing", [["--no-bos"], ["--no-eos"], ["--no-bos", "--no-eos"]])
def test_documents_go_out_bare_however_they_were_stored(
    tokenizer: Path, lmkit: Lmkit, framing: list[str]
) -> None:
    lmkit(*as_typed(write("a.jsonl", NAMES[:5])), "--validation", "0")
    lmkit(*as_typed("a.jsonl", output="other"), "--validation", "0", *framing)
    assert lmkit("export", "out", "--output", "one")[0] == 0
    exit_code, _, err = lmkit("export", "other", "--output", "two")
    assert exit_code == 0 and "no val.bin" in err
    assert ids("one/train.bin") == ids("two/train.bin")


def test_another_separator_or_none_can_be_asked_for(tokenizer: Path, lmkit: Lmkit) -> None:
    pack(config(write("a.jsonl", NAMES[:5]), validation="0"))
    assert lmkit("export", "out", "--output", "one", "--separator", "50256")[0] == 0
    assert lmkit("export", "out", "--output", "two", "--separator", "none")[0] == 0
    assert cut("one/train.bin", 50256) == [document[1:-1] for document in stored("out")]
    assert ids("two/train.bin") == [token for ids in stored("out") for token in ids[1:-1]]
    held = stored("out")[2][5]
    exit_code, _, err = lmkit("export", "out", "--output", "three", "--separator", str(held))
    assert exit_code == 1 and f"holds the separator {held}" in err


def test_a_vocabulary_that_16_bits_do_not_hold_is_refused(tokenizer: Path, lmkit: Lmkit) -> None:
    pack(config(write("a.jsonl"), validation="0"))
    made = json.loads(Path("out/manifest.json").read_text())
    made["details"]["vocabulary_size"] = 65_537
    Path("out/manifest.json").write_text(json.dumps(made))
    exit_code, _, err = lmkit("export", "out", "--output", "bin")
    assert exit_code == 2 and "65,537" in err and not Path("bin").exists()


@pytest.mark.parametrize("what", ["nowhere", "documents", "."])
def test_what_is_no_packed_folder_is_refused(tokenizer: Path, lmkit: Lmkit, what: str) -> None:
    lmkit("dedup", write("a.jsonl"), "--output", "documents")
    exit_code, _, err = lmkit("export", what, "--output", "bin")
    assert exit_code == 2 and not Path("bin").exists() and "pack" in err


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_shard_is_not_exported(tokenizer: Path, lmkit: Lmkit, damage: str) -> None:
    pack(config(write("a.jsonl")))
    path = Path("out/train/tokens-00000.npy")
    whole = path.read_bytes()
    path.write_bytes(whole[:-2] if damage == "truncated" else whole[:-1] + b"\x77")
    exit_code, _, err = lmkit("export", "out", "--output", "bin")
    assert exit_code == 2 and "tokens-00000.npy" in err and not Path("bin").exists()


def character_tokenizer(text: str, folder: Path) -> dict[str, int]:
    """Ids of nanoGPT's data/shakespeare_char/prepare.py, with control tokens behind them."""
    characters = sorted(set(text))
    ids_of = {character: number for number, character in enumerate(characters)}
    made = Tokenizer(models.BPE(dict(ids_of), []))
    made.decoder = decoders.Fuse()
    roles = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    made.add_special_tokens([AddedToken(t, special=True) for t in roles.values()])
    folder.mkdir()
    (folder / "tokenizer.json").write_text(made.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps(roles))
    return ids_of


def test_files_made_like_nanogpts_shakespeare_char_are_trained_on(here: Path, lmkit: Lmkit) -> None:
    text = "\n".join(prose(40))
    ids_of = character_tokenizer(text, Path("characters"))
    border = int(0.9 * len(text))
    for name, part in (("train.bin", text[:border]), ("val.bin", text[border:])):
        np.array([ids_of[c] for c in part], dtype=np.uint16).tofile(name)
    Path("meta.pkl").write_bytes(b"cos\nsystem\n(S'touch was-unpickled'\ntR.")
    command = ["pack", "train.bin", "--tokenizer", "characters", "--output", "packed"]
    exit_code, _, err = lmkit(*command, "--sequence-length", "32")
    assert exit_code == 2 and "hold one document" in err
    options = ["--validation", "val.bin", "--sequence-length", "32"]
    exit_code, out, _ = lmkit(*command, *options)
    assert exit_code == 0 and "train: 1 documents" in out
    (ids_in_train,) = stored("packed")
    assert "".join(sorted(ids_of)[n] for n in ids_in_train[1:-1]) == text[:border]
    assert manifest(Path("packed"))["details"]["train"]["bytes_of_text"] == len(
        text[:border].encode()
    )
    assert lmkit("pretrain", "packed", "--output", "run", *SMALL_RUN, "--steps", "2")[0] == 0
    assert not Path("was-unpickled").exists()


def test_files_made_like_nanogpts_openwebtext_are_packed_as_their_texts_would_be(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    """Each document's ids, then the end-of-text id, as data/openwebtext/prepare.py has them."""
    from lmkit.tokenizers.tokenizer import Tokenizer as Ours

    encode = Ours.load(tokenizer).encode
    documents = [encode(DOCUMENTS[name]).tolist() for name in NAMES]
    length = sum(len(document) + 1 for document in documents)
    file = np.memmap("train.bin", dtype=np.uint16, mode="w+", shape=(length,))
    file[:] = [token for document in documents for token in [*document, END]]
    file.flush()
    command = [*as_typed("train.bin", output="out"), "--validation", "0.2"]
    assert lmkit(*command)[0] == 0
    pack(config(write("a.jsonl"), output="texts", validation="0.2"))
    every = [sorted(stored(f, "train") + stored(f, "validation")) for f in ("out", "texts")]
    assert every[0] == every[1]
    other = [*as_typed("train.bin", output="other"), "--validation", "0.2"]
    assert lmkit(*other, "--shard-bytes", "1", "--workers", "2")[0] == 0
    for side in ("train", "validation"):
        assert placed("other", side) == placed("out", side)
    one = [*as_typed("train.bin", output="whole"), "--validation", "0", "--separator", "none"]
    assert lmkit(*one)[0] == 0
    (whole,) = stored("whole")
    assert whole[1:-1] == file.tolist()


def test_a_token_file_of_another_tokenizer_is_refused_before_work_starts(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    np.array([400, 5_000, 50_256, 17], np.uint16).tofile("train.bin")
    exit_code, _, err = lmkit(*as_typed("train.bin"), "--validation", "0", "--separator", "50256")
    assert exit_code == 2 and not Path("out").exists()
    assert "train.bin: the token at byte 2 is 5000, but the tokenizer has ids from 0 to 699" in err


def test_a_bad_token_deep_inside_is_refused_where_it_lies(tokenizer: Path, lmkit: Lmkit) -> None:
    good = [token for ids in ([400, 401, 402, END] for _ in range(500)) for token in ids]
    np.array([*good, 9_999, END], np.uint16).tofile("train.bin")
    exit_code, _, err = lmkit(*as_typed("train.bin"), "--validation", "0")
    assert exit_code == 1 and "the token at byte 4,000 is 9999" in err
    assert not Path("out/manifest.json").exists()


def test_a_token_file_that_is_one_too_long_document_says_what_to_do(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    np.full(1_000, 400, np.uint16).tofile("train.bin")
    command = [*as_typed("train.bin"), "--validation", "0", "--separator", "none"]
    exit_code, _, err = lmkit(*command, "--max-record", "1999")
    assert exit_code == 2 and "--max-record (1,999 bytes)" in err and not Path("out").exists()


def test_token_files_are_read_only_where_they_are_named(tokenizer: Path, lmkit: Lmkit) -> None:
    Path("mixed").mkdir()
    shutil.copy(write("a.jsonl"), "mixed/a.jsonl")
    Path("mixed/weights.bin").write_bytes(b"\xff" * 1_000)
    assert lmkit(*as_typed("mixed"))[0] == 0
    assert manifest(Path("out"))["counts"]["documents_in"] == len(NAMES)
    exit_code, _, err = lmkit("dedup", "mixed/weights.bin", "--output", "no")
    assert exit_code == 2 and "must end in .jsonl" in err and "raw text" not in err


def test_a_truncated_token_file_quarantines_its_last_document(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    pack(config(write("a.jsonl"), validation="0"))
    lmkit("export", "out", "--output", "bin")
    whole = Path("bin/train.bin").read_bytes()
    Path("cut.bin").write_bytes(whole[:-5])
    assert lmkit(*as_typed("cut.bin", output="cut"), "--validation", "0")[0] == 0
    counts = manifest(Path("cut"))["counts"]
    assert (counts["documents_in"], counts["quarantined"]) == (len(NAMES), 1)
