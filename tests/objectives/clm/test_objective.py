import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from lmkit.errors import InputError
from lmkit.objectives.clm.objective import Clm, clm
from lmkit.objectives.clm.options import FimConfig
from lmkit.objectives.objective import Packing
from lmkit.packing.token_rows import TokenSequences
from lmkit.tokenizers.build import train
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.conftest import prose

BOS, EOS, PAD = 1, 2, 0
DOCUMENTS = [[BOS, 10, 11, 12, EOS], [BOS, 20, EOS], [BOS, 30, 31, 32, 33, 34, EOS]]


def rows_of(documents: list[list[int]], length: int) -> TokenSequences:
    pairs = [(np.array(ids), len(ids) - 2) for ids in documents]
    return TokenSequences.from_documents(pairs, length, pad=PAD)


def test_every_token_but_a_documents_first_is_a_target_exactly_once() -> None:
    for length in (2, 3, 4, 6, 20):
        rows = rows_of(DOCUMENTS, length)
        batch = clm(rows.read(np.arange(len(rows))))
        has_target = batch.targets_BT != -100
        pairs = zip(
            batch.tokens_BT[has_target].tolist(), batch.targets_BT[has_target].tolist(), strict=True
        )
        expected = [pair for ids in DOCUMENTS for pair in itertools.pairwise(ids)]
        assert sorted(pairs) == sorted(expected)
        assert batch.targets == len(expected) == 12


def test_positions_and_documents_are_those_of_the_sequences() -> None:
    batch = clm(rows_of(DOCUMENTS[:2], 8).read(np.array([0])))
    assert batch.tokens_BT.tolist() == [[BOS, 10, 11, 12, EOS, BOS, 20, EOS]]
    assert batch.targets_BT.tolist() == [[10, 11, 12, EOS, -100, 20, EOS, -100]]
    assert batch.positions_BT.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2]]
    assert batch.documents_BT is not None
    assert batch.documents_BT.tolist() == [[1, 1, 1, 1, 1, 2, 2, 2]]


def test_sequences_of_one_document_need_no_document_numbers() -> None:
    rows = rows_of([DOCUMENTS[0], DOCUMENTS[2]], 12)
    one_document = rows_of([DOCUMENTS[0]], 8).read(np.array([0]))
    assert clm(one_document).documents_BT is None  # padded, too
    assert clm(rows.read(np.array([0]))).documents_BT is not None


def test_a_batch_becomes_the_arguments_of_a_model() -> None:
    batch = clm(rows_of(DOCUMENTS, 8).read(np.array([0, 1])))
    arguments = batch.tensors()
    assert list(arguments) == ["tokens_BT", "positions_BT", "targets_BT", "documents_BT"]
    tokens_BT = arguments["tokens_BT"]
    assert isinstance(tokens_BT, torch.Tensor)
    assert tokens_BT.dtype == torch.int64
    assert tokens_BT.tolist() == batch.tokens_BT.tolist()
    alone = clm(rows_of(DOCUMENTS[:1], 8).read(np.array([0])))
    assert "documents_BT" not in alone.tensors()


def test_held_out_text_is_scored_unchanged() -> None:
    objective = Clm("clm", FimConfig(rate=0.9))
    packing = Packing(64, bos=2, eos=3)
    assert objective.scored.make(None, packing) is clm  # type: ignore[arg-type]


def test_fill_in_the_middle_needs_eos(tmp_path: Path) -> None:
    save(train(prose(20), Recipe("bpe", 600)), tmp_path)
    objective = Clm("clm", FimConfig(rate=0.5))
    with pytest.raises(InputError, match="packed without an EOS token"):
        objective.make(Tokenizer.load(tmp_path), Packing(64, bos=2, eos=None))
