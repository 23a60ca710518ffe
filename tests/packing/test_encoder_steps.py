from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.output_folder import OutputFolder
from lmkit.artifacts.tasks import PARTIAL, Receipt, TaskWriter, receipt_path
from lmkit.commands.pack.options import PackConfig
from lmkit.packing import encoder_steps
from lmkit.packing.encoder_steps import (
    CHECKED_ONE_IN,
    EncodersDifferError,
    check_encoded,
    chosen_encoder,
    distrust,
    encoder_of,
)
from lmkit.tokenizers.encoder_choice import FAST, WORTH_A_PROOF, TextEncoder, other_encoder
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.conftest import prose
from tests.tokenizers.made import train

STEPS = ("train", "validation")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    save(train(prose(20), "bpe", 700), folder)
    return folder


@pytest.fixture
def tokenizer(made: Path) -> Tokenizer:
    return Tokenizer.load(made)


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Count proofs, each of which succeeds at once."""
    found: list[None] = []

    def prove(encoder: TextEncoder) -> object:
        found.append(None)
        encoder.use(FAST)
        return FAST

    monkeypatch.setattr(TextEncoder, "prove", prove)
    return found


def output(path: Path) -> OutputFolder:
    (path / PARTIAL).mkdir(parents=True, exist_ok=True)
    config = PackConfig.model_validate({"inputs": ["a"], "output": path})
    return OutputFolder(config, path, [])


def task(folder: OutputFolder, step: str, number: int, encoder: dict[str, Any]) -> Path:
    writer = TaskWriter(folder.path, step, number)
    writer.facts = {"encoder": encoder}
    writer.finish()
    return receipt_path(folder.path, step, number)


def test_little_text_is_left_to_tokenizers_without_a_proof(
    tokenizer: Tokenizer, tmp_path: Path, proofs: list[None]
) -> None:
    found = chosen_encoder(output(tmp_path), tokenizer, WORTH_A_PROOF - 1, STEPS)
    assert found == other_encoder("little text") and not proofs


def test_a_resumed_run_does_not_repeat_the_proof(
    tokenizer: Tokenizer, tmp_path: Path, proofs: list[None]
) -> None:
    for _ in range(2):
        assert chosen_encoder(output(tmp_path), tokenizer, WORTH_A_PROOF, STEPS) == FAST
    assert len(proofs) == 1


def test_another_version_of_the_library_is_proven_again(
    tokenizer: Tokenizer, tmp_path: Path, proofs: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen_encoder(output(tmp_path), tokenizer, WORTH_A_PROOF, STEPS)
    monkeypatch.setattr(encoder_steps, "version", lambda _: "9.9")
    chosen_encoder(output(tmp_path), tokenizer, WORTH_A_PROOF, STEPS)
    assert len(proofs) == 2


def test_a_difference_discards_what_fastokens_has_written_and_nothing_else(
    tokenizer: Tokenizer, tmp_path: Path, proofs: list[None], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = output(tmp_path)
    chosen_encoder(folder, tokenizer, WORTH_A_PROOF, STEPS)
    fast = [
        task(folder, "train", 0, FAST.model_dump()),
        task(folder, "validation", 3, FAST.model_dump()),
    ]
    kept = [task(folder, "train", 1, other_encoder("").model_dump()), task(folder, "rows", 0, {})]
    distrust(folder, tokenizer, "number 7")
    assert "number 7" in capsys.readouterr().err
    # also where the run was killed in between
    found = chosen_encoder(output(tmp_path), tokenizer, WORTH_A_PROOF, STEPS)
    assert found == other_encoder("fastokens gave document number 7 other tokens")
    assert not any(path.exists() for path in fast) and all(path.exists() for path in kept)
    assert len(proofs) == 1 and not folder.receipts


def test_only_some_documents_are_checked_and_a_wrong_token_is_found(tokenizer: Tokenizer) -> None:
    tokenizer.encoder.use(FAST)
    (ids,) = tokenizer.encode_batch(["some text"])
    wrong = np.append(ids[:-1], ids[:1])
    check_encoded(tokenizer, "a", CHECKED_ONE_IN, "some text", ids)
    check_encoded(tokenizer, "a", CHECKED_ONE_IN + 1, "some text", wrong)
    with pytest.raises(EncodersDifferError, match="a"):
        check_encoded(tokenizer, "a", CHECKED_ONE_IN, "some text", wrong)
    tokenizer.encoder.use(other_encoder("by choice"))
    check_encoded(tokenizer, "a", CHECKED_ONE_IN, "some text", wrong)


def test_fallbacks_are_added_up_over_all_tasks() -> None:
    receipts = [
        Receipt(
            outputs=(), scratch=(), read=(), counts=Counts(), problems=(), seconds=0, facts=facts
        )
        for facts in (
            {"encoder": FAST.model_dump() | {"fallbacks": {"U+180E": 2}}},
            {
                "encoder": FAST.model_dump()
                | {"fallbacks": {"U+180E": 1, "refused by fastokens": 4}}
            },
            {},
        )
    ]
    found = encoder_of(FAST, receipts)
    assert found.fallbacks == {"U+180E": 3, "refused by fastokens": 4}
    assert found.library == "fastokens"
