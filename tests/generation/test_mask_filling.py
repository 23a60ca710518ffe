import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lmkit.generation.mask_filling import FilledMask, fill
from lmkit.generation.sampling import Sampling
from lmkit.model.transformer import Transformer
from tests.huggingface.models import XLNET, loaded, scattered, written
from tests.model.tiny import VOCABULARY, counting, tiny, tokens

MASK = 4
GREEDY = Sampling(temperature=0)
EVERYTHING = torch.arange(VOCABULARY) > 9


def holed(length: int, places: list[int]) -> tuple[list[int], Mapping[int, Tensor]]:
    text = tokens(1, length, seed=5)[0].tolist()
    for place in places:
        text[place] = MASK
    return text, dict.fromkeys(places, EVERYTHING)


def encoder(**options: object) -> Transformer:
    return tiny(architecture="encoder", **options).eval()


@torch.no_grad()
def p_with_masks(model: Transformer, text: list[int], place: int) -> Tensor:
    row = torch.tensor([text])
    logits_V = model(row, counting(row))[0, place].double()
    return logits_V.masked_fill(~EVERYTHING, -torch.inf).softmax(-1)


@torch.no_grad()
@pytest.mark.parametrize("position", ["rotary", "learned", "relative"])
def test_masks_are_filled_one_at_a_time_the_likeliest_first(position: str) -> None:
    model = encoder(position=position)
    text, holes = holed(20, [3, 4, 11, 17])
    found = list(fill(model, text, holes, GREEDY))
    left = [3, 4, 11, 17]
    for got in found:
        p = {place: p_with_masks(model, text, place) for place in left}
        best = max(left, key=lambda place: float(p[place].max()))
        assert got.place == best
        assert got.token == int(p[best].argmax())
        torch.testing.assert_close(got.p_V, p[best], atol=1e-6, rtol=1e-5)
        text[best] = got.token
        left.remove(best)
    assert not left


@torch.no_grad()
def test_two_streams_give_the_odds_of_transformers_xlnet(tmp_path: Path) -> None:
    """Literally: what is filled has a rank, what isn't is blocked for all, and one is asked for."""
    ours = scattered(**XLNET)
    theirs = loaded(written(ours, tmp_path / "hf"))
    text, holes = holed(12, [2, 3, 8])
    left, ranked = [2, 3, 8], list[int]()
    for got in fill(ours, text, holes, GREEDY, two_streams=True):
        p: dict[int, Tensor] = {}
        for place in left:
            rank = {other: number for number, other in enumerate([*ranked, place])}
            rank |= {other: 99 for other in left if other != place}
            blocked = torch.zeros(1, 12, 12)
            for i, j in itertools.product(range(12), range(12)):
                blocked[0, i, j] = float(j in rank and rank.get(i, -1) <= rank[j])
            mapping = torch.zeros(1, 1, 12)
            mapping[0, 0, place] = 1
            said = theirs(torch.tensor([text]), perm_mask=blocked, target_mapping=mapping)
            logits_V = said.logits[0, 0].double().masked_fill(~EVERYTHING, -torch.inf)
            p[place] = logits_V.softmax(-1)
        best = max(left, key=lambda each: float(p[each].max()))
        assert (got.place, got.token) == (best, int(p[best].argmax()))
        torch.testing.assert_close(got.p_V, p[best], atol=1e-5, rtol=1e-4)
        text[best] = got.token
        ranked.append(best)
        left.remove(best)
    assert not left


def same(one: list[FilledMask], two: list[FilledMask]) -> bool:
    return [(f.place, f.token) for f in one] == [(f.place, f.token) for f in two]


def test_with_two_streams_it_is_no_matter_what_stands_in_a_hole() -> None:
    model = encoder(position="transformer-xl")
    text, holes = holed(14, [1, 6, 7])
    other = [9 if place in holes else token for place, token in enumerate(text)]
    one, two = (list(fill(model, t, holes, GREEDY, two_streams=True)) for t in (text, other))
    assert same(one, two)
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a.p_V, b.p_V)
    # With masks it does matter: the test could fail.
    one, two = (list(fill(model, t, holes, GREEDY)) for t in (text, other))
    assert not torch.equal(one[0].p_V, two[0].p_V)


@torch.no_grad()
def test_a_text_longer_than_the_window_is_read_around_each_mask() -> None:
    model = encoder(position="learned", max_positions=8)
    text, holes = holed(30, [1, 15, 29])
    found = {f.place: f.p_V for f in fill(model, text, holes, GREEDY, window=8)}
    for place, first in ((1, 0), (15, 11), (29, 22)):  # far from one another: none sees another
        expected = p_with_masks(model, text[first : first + 8], place - first)
        torch.testing.assert_close(found[place], expected, atol=1e-6, rtol=1e-5)


def test_a_seed_fills_the_same_again_and_only_with_what_may_stand_there() -> None:
    model = encoder()
    text, holes = holed(20, [3, 9, 11])
    only = torch.zeros(VOCABULARY, dtype=torch.bool)
    only[[20, 21, 22]] = True
    holes = {**holes, 9: only}
    hot = Sampling(temperature=5.0)
    runs = [list(fill(model, text, holes, hot, seed=seed)) for seed in (1, 1, 2, 3, 4)]
    assert same(runs[0], runs[1])
    assert not all(same(runs[0], other) for other in runs[2:])
    for run in runs:
        assert {f.place: f.token for f in run}[9] in {20, 21, 22}
        assert all(f.token > 9 for f in run)
        assert all(float(f.p_V.sum()) == pytest.approx(1) for f in run)


def test_dropout_is_off_while_filling() -> None:
    text, holes = holed(20, [3, 9])
    drops = encoder(dropout=0.5).train()
    assert same(list(fill(drops, text, holes, GREEDY)), list(fill(encoder(), text, holes, GREEDY)))
    assert drops.training
