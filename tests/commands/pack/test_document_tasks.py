import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmkit.commands.pack.options import PackConfig
from lmkit.commands.pack.run import pack
from lmkit.packing import encoder_steps
from lmkit.packing.packed_record import PackedRecord
from lmkit.tokenizers import encoder_choice
from lmkit.tokenizers.encoder_choice import FAST
from lmkit.tokenizers.fast_encoder import FastEncoder, Ids
from lmkit.tokenizers.tokenizer import save
from tests.conftest import contents, manifest, prose
from tests.tokenizers.made import train
from tests.tokenizers.nasty import NASTY

TEXTS = [*prose(60), *NASTY]
FILES = 4

PACK = """
import os, signal, sys
from lmkit.artifacts.tasks import TaskWriter
from lmkit.cli import main
from lmkit.packing import encoder_steps
encoder_steps.WORTH_A_PROOF = int(sys.argv[1])
finish = TaskWriter.finish
def die(self):
    if (self.step, self.number) == ("train", int(sys.argv[2])):
        os.kill(os.getpid(), signal.SIGKILL)
    return finish(self)
TaskWriter.finish = die
sys.exit(main(sys.argv[3:]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents in several files, a tokenizer, and what `tokenizers` makes of them."""
    folder = tmp_path_factory.mktemp("folder")
    for number in range(FILES):
        lines = [
            json.dumps({"id": f"{number}-{n}", "text": text}) + "\n"
            for n, text in enumerate(TEXTS[number::FILES])
        ]
        (folder / f"{number}.jsonl").write_text("".join(lines))
    (folder / "tokenizer").mkdir()
    save(train(prose(40), "bpe", 900), folder / "tokenizer")
    assert pack(config(folder, folder / "expected")).details["encoder"]["library"] == "tokenizers"
    return folder


def config(folder: Path, output: Path, workers: int = 1) -> PackConfig:
    return PackConfig.model_validate(
        {
            "inputs": [folder / f"{number}.jsonl" for number in range(FILES)],
            "output": output,
            "tokenizer": folder / "tokenizer",
            "sequence_length": 64,
            "validation": "0.2",
            "shard_bytes": 1,
            "workers": workers,
        }
    )


def typed(folder: Path, output: Path) -> list[str]:
    inputs = [str(folder / f"{number}.jsonl") for number in range(FILES)]
    options = f"--tokenizer {folder / 'tokenizer'} --output {output} --sequence-length 64"
    return ["pack", *inputs, *options.split(), "--validation", "0.2", "--shard-bytes", "1"]


@pytest.fixture
def any_text_is_worth_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_steps, "WORTH_A_PROOF", 0)


@pytest.mark.usefixtures("any_text_is_worth_a_proof")
@pytest.mark.parametrize("workers", [1, 2])
def test_the_bytes_are_the_same_whichever_library_encodes(
    folder: Path, tmp_path: Path, workers: int
) -> None:
    made = pack(config(folder, tmp_path / "fast", workers))
    assert contents(tmp_path / "fast") == contents(folder / "expected")
    fallbacks = {"U+180E": sum("\u180e" in text for text in TEXTS)}
    expected = FAST.model_copy(update={"fallbacks": fallbacks})
    assert PackedRecord.from_manifest(made, Path("fast")).encoder == expected


def test_a_run_that_is_killed_resumes_to_the_bytes_of_tokenizers(
    folder: Path, tmp_path: Path
) -> None:
    command = [*typed(folder, tmp_path / "killed"), "--workers", "1"]
    dead = subprocess.run([sys.executable, "-c", PACK, "0", "2", *command])
    assert dead.returncode == -signal.SIGKILL
    assert (tmp_path / "killed/.partial/encoder-00000.json").exists()
    subprocess.run([sys.executable, "-c", PACK, "0", "99", *command], check=True)
    assert contents(tmp_path / "killed") == contents(folder / "expected")
    assert manifest(tmp_path / "killed")["details"]["encoder"]["library"] == "fastokens"


@pytest.mark.usefixtures("any_text_is_worth_a_proof")
def test_what_encoded_does_not_make_a_folder_another_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pack(config(folder, tmp_path / "fast"))
    monkeypatch.setattr(encoder_steps, "WORTH_A_PROOF", 1 << 60)
    assert pack(config(folder, tmp_path / "fast")) == first
    assert first.fingerprint == pack(config(folder, tmp_path / "slow")).fingerprint


class WrongLater(FastEncoder):
    """Gives one wrong token in every text of a document, but none in the probe."""

    def _encoded(self, texts: list[str]) -> list[Ids]:
        found = super()._encoded(texts)
        return [
            np.append(ids[:-1], np.uint32(300)) if text in TEXTS and len(text) > 100 else ids
            for text, ids in zip(texts, found, strict=True)
        ]


@pytest.mark.usefixtures("any_text_is_worth_a_proof")
def test_a_difference_in_a_document_makes_tokenizers_encode_everything(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(encoder_choice, "FastEncoder", WrongLater)
    monkeypatch.setattr(encoder_steps, "CHECKED_ONE_IN", 16)
    made = pack(config(folder, tmp_path / "out"))
    assert contents(tmp_path / "out") == contents(folder / "expected")
    found = PackedRecord.from_manifest(made, Path("out")).encoder
    assert found is not None and found.library == "tokenizers"
    assert "other tokens" in str(found.reason)
    assert str(found.reason) in capsys.readouterr().err


@pytest.mark.usefixtures("any_text_is_worth_a_proof")
def test_sequences_of_a_packed_folder_keep_the_record_of_what_encoded(
    folder: Path, tmp_path: Path
) -> None:
    pack(config(folder, tmp_path / "fast"))
    again = pack(
        PackConfig.model_validate(
            {"inputs": [tmp_path / "fast"], "output": tmp_path / "other", "sequence_length": 32}
        )
    )
    encoder = PackedRecord.from_manifest(again, Path("other")).encoder
    assert encoder is not None and encoder.library == "fastokens"


def test_a_folder_without_the_record_is_still_read(folder: Path) -> None:
    stored = manifest(folder / "expected")["details"]
    del stored["encoder"]
    assert PackedRecord.model_validate(stored).encoder is None
