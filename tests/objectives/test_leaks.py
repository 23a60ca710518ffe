"""What a prediction depends on: the Jacobian of the full model, with batches of the objectives.

Shapes: B sequences, T positions, Q queries, S source positions.
"""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmkit.model.masks import permutation_masks
from lmkit.objectives.batch import Batch
from lmkit.objectives.clm.fill_in_the_middle import Marks, fill_in_the_middle
from lmkit.objectives.clm.objective import clm
from lmkit.objectives.mlm.objective import mlm
from lmkit.objectives.plm.objective import plm
from lmkit.objectives.span_corruption.masked_spans import Marks as SpanMarks
from lmkit.objectives.span_corruption.masked_spans import span_corruption
from lmkit.packing.token_rows import NO_TARGET
from lmkit.tokenizers.word_boundaries import WordBoundaries
from tests.model.tiny import VOCABULARY, tiny
from tests.objectives.texts import (
    BOS,
    EOS,
    MASK,
    MIDDLE,
    PAD,
    PREFIX,
    SUFFIX,
    keys_of,
    rows_of,
    with_bos_eos,
)

IS_ORDINARY_V = (np.arange(VOCABULARY) >= 10) & (np.arange(VOCABULARY) < 50)
WORDS = WordBoundaries([" a"] * VOCABULARY)
ROWS = rows_of(
    [with_bos_eos(range(10, 22)), with_bos_eos(range(30, 45)), with_bos_eos(range(22, 27))], 24
)


def depends(model: nn.Module, batch: Batch, embedding: str = "tokens_BT") -> np.ndarray:
    """For each prediction (sequence, position) and each input token: whether it has an effect.

    The Jacobian of a random projection of the logits, with respect to the embeddings.
    """
    embedded: dict[str, Tensor] = {}
    arguments = {name: t for name, t in batch.tensors().items() if name != "targets_BT"}

    def keep(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        name = next(n for n in ("tokens_BT", "source_tokens_BS") if inputs[0] is arguments.get(n))
        embedded[name] = output.detach().requires_grad_()
        return embedded[name]

    hook = model.embedding.register_forward_hook(keep)  # type: ignore[union-attr]
    logits = model(**arguments)
    hook.remove()
    projection = torch.randn(logits.shape[-1], generator=torch.Generator().manual_seed(1))
    projected = logits @ projection
    depends_on = np.zeros((*projected.shape, embedded[embedding].shape[1]), np.bool_)
    for row, position in np.ndindex(*projected.shape):
        (gradient,) = torch.autograd.grad(
            projected[row, position], embedded[embedding], retain_graph=True
        )
        assert not gradient[[other for other in range(len(projected)) if other != row]].any()
        depends_on[row, position] = (gradient[row] != 0).any(-1).numpy()
    return depends_on


def numbers(documents: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    return np.ones_like(like) if documents is None else documents


@pytest.mark.parametrize("has_fim", [False, True], ids=["clm", "fill-in-the-middle"])
@pytest.mark.parametrize("position", ["rotary", "learned", "relative", "alibi", "none"])
def test_clm_depends_on_its_document_up_to_itself(has_fim: bool, position: str) -> None:
    rows = ROWS
    if has_fim:
        special = Marks(PREFIX, MIDDLE, SUFFIX, BOS, EOS, PAD)
        rows, _ = fill_in_the_middle(ROWS, keys_of(ROWS), special, 1.0, 0.5)
        assert (rows.tokens_BT == MIDDLE).any()
    actual = depends(tiny(position=position), clm(rows))
    columns = np.arange(24)
    same = rows.documents_BT[:, :, None] == rows.documents_BT[:, None, :]
    expected = same & (columns[None, :] <= columns[:, None])
    inside = rows.documents_BT > 0
    assert np.array_equal(actual[inside], expected[inside])


@pytest.mark.parametrize("position", ["transformer-xl", "rotary", "learned"])
@pytest.mark.parametrize("block", [None, 12])
def test_plm_depends_on_what_precedes_in_the_order_and_never_on_itself(
    position: str, block: int | None
) -> None:
    batch = plm(ROWS, keys_of(ROWS), IS_ORDINARY_V, WORDS, context=3, block=block)
    assert batch.order_BT is not None and batch.queries_BQ is not None
    model = tiny(architecture="encoder", position=position)
    assert model.query_vector is not None
    nn.init.normal_(model.query_vector)
    actual = depends(model, batch)
    for row, query in np.argwhere(batch.targets_BT != NO_TARGET):
        column = batch.queries_BQ[row, query]
        same = ROWS.documents_BT[row] == ROWS.documents_BT[row, column]
        earlier = batch.order_BT[row] < batch.order_BT[row, column]  # -1 where it is no target
        assert np.array_equal(actual[row, query], same & earlier)


def test_mlm_depends_on_its_full_document() -> None:
    batch = mlm(ROWS, keys_of(ROWS), MASK, IS_ORDINARY_V)
    actual = depends(tiny(architecture="encoder"), batch)
    same = ROWS.documents_BT[:, :, None] == ROWS.documents_BT[:, None, :]
    inside = ROWS.documents_BT > 0
    assert np.array_equal(actual[inside], same[inside])


@pytest.mark.parametrize("style", ["t5", "bart"])
@pytest.mark.parametrize("position", ["relative", "rotary"])
def test_a_decoder_depends_on_its_documents_source_and_earlier_targets(
    style: Any, position: str
) -> None:
    special = SpanMarks(tuple(range(60, 50, -1)), MASK, (BOS, EOS), EOS, PAD)
    batch = span_corruption(ROWS, keys_of(ROWS), special, style=style)
    assert batch.source_tokens_BS is not None
    model = tiny(architecture="encoder-decoder", position=position)
    document_numbers = numbers(batch.documents_BT, batch.tokens_BT)
    source = numbers(batch.source_documents_BS, batch.source_tokens_BS)
    inside, columns = document_numbers > 0, np.arange(document_numbers.shape[1])
    before = (document_numbers[:, :, None] == document_numbers[:, None, :]) & (
        columns[None, :] <= columns[:, None]
    )
    assert np.array_equal(depends(model, batch)[inside], before[inside])
    same_document = document_numbers[:, :, None] == source[:, None, :]
    assert np.array_equal(depends(model, batch, "source_tokens_BS")[inside], same_document[inside])


def xlnet_mask(order: list[int], is_target: list[bool]) -> list[list[bool]]:
    """The attention mask of XLNet's _local_perm, position by position."""
    size = len(order)
    rev_index = [order[n] if is_target[n] else -1 for n in range(size)]
    self_rev_index = [rev_index[n] if is_target[n] else rev_index[n] + 1 for n in range(size)]
    return [
        [not (self_rev_index[i] <= rev_index[j] and is_target[j]) for j in range(size)]
        for i in range(size)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_masks_are_xlnets_for_all_orders_and_targets_of_a_short_sequence(size: int) -> None:
    for order in itertools.permutations(range(size)):
        for is_target in itertools.product([False, True], repeat=size):
            expected = xlnet_mask(list(order), list(is_target))
            ranked = sorted(o for o, t in zip(order, is_target, strict=True) if t)
            given = [ranked.index(o) if t else -1 for o, t in zip(order, is_target, strict=True)]
            columns = [position for position in range(size) if is_target[position]] or [0]
            content, query = permutation_masks(torch.tensor([given]), torch.tensor([columns]), None)
            assert query[0, 0].tolist() == [expected[column] for column in columns]
            # The content stream also attends to itself: the code subtracts the identity.
            itself = torch.eye(size, dtype=torch.bool)
            assert content[0, 0].tolist() == (torch.tensor(expected) | itself).tolist()


@pytest.mark.parametrize("size", [2, 3, 4])
def test_masks_are_the_papers_for_all_orders_and_splits(size: int) -> None:
    # Section 2.3: with an order z cut at c, the targets are z_t for t > c; the query of z_t attends
    # to z_<t, its content to z_<=t.
    for order in itertools.permutations(range(size)):
        for split in range(size):
            rank = {
                position: time - split if time >= split else -1
                for time, position in enumerate(order)
            }
            given = torch.tensor([[rank[position] for position in range(size)]])
            targets = order[split:]
            content, query = permutation_masks(given, torch.tensor([targets]), None)
            for number, target in enumerate(targets):
                before = set(order[: split + number])
                assert set(query[0, 0, number].nonzero().flatten().tolist()) == before
                attended = set(content[0, 0, target].nonzero().flatten().tolist())
                assert attended == before | {target}
