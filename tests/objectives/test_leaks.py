"""What a prediction can depend on: the Jacobian of the whole model, with batches as they are made.

Shapes: B rows, T places, Q places asked, S places of the source.
"""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmkit.model.masks import order_masks
from lmkit.objectives.batch import Batch
from lmkit.objectives.clm import clm
from lmkit.objectives.fill_in_the_middle import Marks, fill_in_the_middle
from lmkit.objectives.mlm import mlm
from lmkit.objectives.plm import plm
from lmkit.objectives.span_corruption import Marks as SpanMarks
from lmkit.objectives.span_corruption import span_corruption
from lmkit.packing.token_rows import NO_TARGET
from lmkit.tokenizers.word_boundaries import Words
from tests.model.tiny import VOCABULARY, tiny
from tests.objectives.texts import (
    BEGIN,
    END,
    MASK,
    MIDDLE,
    PAD,
    PREFIX,
    SUFFIX,
    framed,
    keys_of,
    rows_of,
)

IS_ORDINARY_V = (np.arange(VOCABULARY) >= 10) & (np.arange(VOCABULARY) < 50)
WORDS = Words([" a"] * VOCABULARY)
ROWS = rows_of([framed(range(10, 22)), framed(range(30, 45)), framed(range(22, 27))], 24)


def depends(model: nn.Module, batch: Batch, embedding: str = "tokens_BT") -> np.ndarray:
    """For each prediction (row, place) and each token that was read: whether it matters.

    The Jacobian of a random mix of the logits, with respect to what the embedding hands on.
    """
    read: dict[str, Tensor] = {}
    arguments = {name: t for name, t in batch.tensors().items() if name != "targets_BT"}

    def keep(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        name = next(n for n in ("tokens_BT", "source_tokens_BS") if inputs[0] is arguments.get(n))
        read[name] = output.detach().requires_grad_()
        return read[name]

    hook = model.embedding.register_forward_hook(keep)  # type: ignore[union-attr]
    logits = model(**arguments)
    hook.remove()
    mix = torch.randn(logits.shape[-1], generator=torch.Generator().manual_seed(1))
    said = logits @ mix
    found = np.zeros((*said.shape, read[embedding].shape[1]), np.bool_)
    for row, place in np.ndindex(*said.shape):
        (gradient,) = torch.autograd.grad(said[row, place], read[embedding], retain_graph=True)
        assert not gradient[[other for other in range(len(said)) if other != row]].any()
        found[row, place] = (gradient[row] != 0).any(-1).numpy()
    return found


def numbers(documents: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    return np.ones_like(like) if documents is None else documents


@pytest.mark.parametrize("moved", [False, True], ids=["clm", "fill-in-the-middle"])
@pytest.mark.parametrize("position", ["rotary", "learned", "relative", "alibi", "none"])
def test_clm_sees_its_own_document_up_to_itself(moved: bool, position: str) -> None:
    rows = ROWS
    if moved:
        marks = Marks(PREFIX, MIDDLE, SUFFIX, BEGIN, END, PAD)
        rows, _ = fill_in_the_middle(ROWS, keys_of(ROWS), marks, 1.0, 0.5)
        assert (rows.tokens_BT == MIDDLE).any()
    got = depends(tiny(position=position), clm(rows))
    places = np.arange(24)
    same = rows.documents_BT[:, :, None] == rows.documents_BT[:, None, :]
    expected = same & (places[None, :] <= places[:, None])
    inside = rows.documents_BT > 0
    assert np.array_equal(got[inside], expected[inside])


@pytest.mark.parametrize("position", ["transformer-xl", "rotary", "learned"])
@pytest.mark.parametrize("block", [None, 12])
def test_plm_sees_what_comes_before_in_the_order_and_never_itself(
    position: str, block: int | None
) -> None:
    batch = plm(ROWS, keys_of(ROWS), IS_ORDINARY_V, WORDS, context=3, block=block)
    assert batch.order_BT is not None and batch.queries_BQ is not None
    model = tiny(architecture="encoder", position=position)
    assert model.query_vector is not None
    nn.init.normal_(model.query_vector)
    got = depends(model, batch)
    for row, query in np.argwhere(batch.targets_BT != NO_TARGET):
        column = batch.queries_BQ[row, query]
        same = ROWS.documents_BT[row] == ROWS.documents_BT[row, column]
        earlier = batch.order_BT[row] < batch.order_BT[row, column]  # -1 where it is no target
        assert np.array_equal(got[row, query], same & earlier)


def test_mlm_sees_its_whole_document() -> None:
    batch = mlm(ROWS, keys_of(ROWS), MASK, IS_ORDINARY_V)
    got = depends(tiny(architecture="encoder"), batch)
    same = ROWS.documents_BT[:, :, None] == ROWS.documents_BT[:, None, :]
    inside = ROWS.documents_BT > 0
    assert np.array_equal(got[inside], same[inside])


@pytest.mark.parametrize("style", ["t5", "bart"])
@pytest.mark.parametrize("position", ["relative", "rotary"])
def test_a_decoder_sees_its_documents_source_and_what_it_has_said(
    style: Any, position: str
) -> None:
    marks = SpanMarks(tuple(range(60, 50, -1)), MASK, (BEGIN, END), END, PAD)
    batch = span_corruption(ROWS, keys_of(ROWS), marks, style=style)
    assert batch.source_tokens_BS is not None
    model = tiny(architecture="encoder-decoder", position=position)
    own = numbers(batch.documents_BT, batch.tokens_BT)
    source = numbers(batch.source_documents_BS, batch.source_tokens_BS)
    inside, places = own > 0, np.arange(own.shape[1])
    before = (own[:, :, None] == own[:, None, :]) & (places[None, :] <= places[:, None])
    assert np.array_equal(depends(model, batch)[inside], before[inside])
    across = own[:, :, None] == source[:, None, :]
    assert np.array_equal(depends(model, batch, "source_tokens_BS")[inside], across[inside])


def xlnet_mask(order: list[int], is_target: list[bool]) -> list[list[bool]]:
    """Who may see whom, as XLNet's _local_perm says it, place by place."""
    size = len(order)
    rev_index = [order[n] if is_target[n] else -1 for n in range(size)]
    self_rev_index = [rev_index[n] if is_target[n] else rev_index[n] + 1 for n in range(size)]
    return [
        [not (self_rev_index[i] <= rev_index[j] and is_target[j]) for j in range(size)]
        for i in range(size)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_masks_are_xlnets_for_all_orders_and_targets_of_a_short_row(size: int) -> None:
    for order in itertools.permutations(range(size)):
        for is_target in itertools.product([False, True], repeat=size):
            expected = xlnet_mask(list(order), list(is_target))
            ranked = sorted(o for o, t in zip(order, is_target, strict=True) if t)
            given = [ranked.index(o) if t else -1 for o, t in zip(order, is_target, strict=True)]
            columns = [place for place in range(size) if is_target[place]] or [0]
            content, query = order_masks(torch.tensor([given]), torch.tensor([columns]), None)
            assert query[0, 0].tolist() == [expected[column] for column in columns]
            # The content stream also sees itself: the code takes the identity off the mask.
            itself = torch.eye(size, dtype=torch.bool)
            assert content[0, 0].tolist() == (torch.tensor(expected) | itself).tolist()


@pytest.mark.parametrize("size", [2, 3, 4])
def test_masks_are_the_papers_for_all_orders_and_cuts(size: int) -> None:
    # Section 2.3: with an order z cut at c, the targets are z_t for t > c; the query of z_t sees
    # z_<t, its content z_<=t.
    for order in itertools.permutations(range(size)):
        for cut in range(size):
            rank = {place: time - cut if time >= cut else -1 for time, place in enumerate(order)}
            given = torch.tensor([[rank[place] for place in range(size)]])
            targets = order[cut:]
            content, query = order_masks(given, torch.tensor([targets]), None)
            for number, target in enumerate(targets):
                before = set(order[: cut + number])
                assert set(query[0, 0, number].nonzero().flatten().tolist()) == before
                seen = set(content[0, 0, target].nonzero().flatten().tolist())
                assert seen == before | {target}
