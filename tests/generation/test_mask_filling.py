import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lmkit.generation.mask_filling import FilledMask, fill
from lmkit.generation.sampling import Sampling
from lmkit.model.transformer import Transformer
from tests.huggingface.models import XLNET, loaded, random_model, saved_as_hf
from tests.model.tiny import VOCABULARY, counting, tiny, tokens

MASK = 4
GREEDY = Sampling(temperature=0)
ALL_ALLOWED = torch.arange(VOCABULARY) > 9


def masked_text(length: int, indices: list[int]) -> tuple[list[int], Mapping[int, Tensor]]:
    text = tokens(1, length, seed=5)[0].tolist()
    for index in indices:
        text[index] = MASK
    return text, dict.fromkeys(indices, ALL_ALLOWED)


def encoder(**options: object) -> Transformer:
    return tiny(architecture="encoder", **options).eval()


@torch.no_grad()
def p_with_masks(model: Transformer, text: list[int], index: int) -> Tensor:
    row = torch.tensor([text])
    logits_V = model(row, counting(row))[0, index].double()
    return logits_V.masked_fill(~ALL_ALLOWED, -torch.inf).softmax(-1)


@torch.no_grad()
@pytest.mark.parametrize("position", ["rotary", "learned", "relative"])
def test_masks_are_filled_one_at_a_time_the_most_likely_first(position: str) -> None:
    model = encoder(position=position)
    text, allowed = masked_text(20, [3, 4, 11, 17])
    probabilities = list(fill(model, text, allowed, GREEDY))
    remaining = [3, 4, 11, 17]
    for filled_mask in probabilities:
        p = {index: p_with_masks(model, text, index) for index in remaining}
        best = max(remaining, key=lambda index: float(p[index].max()))
        assert filled_mask.index == best
        assert filled_mask.token == int(p[best].argmax())
        torch.testing.assert_close(filled_mask.p_V, p[best], atol=1e-6, rtol=1e-5)
        text[best] = filled_mask.token
        remaining.remove(best)
    assert not remaining


@torch.no_grad()
def test_two_streams_give_the_probabilities_of_transformers_xlnet(tmp_path: Path) -> None:
    """What is filled has a rank, what isn't is masked for all, and one position is predicted."""
    model = random_model(**XLNET)
    hf_model = loaded(saved_as_hf(model, tmp_path / "hf"))
    text, allowed = masked_text(12, [2, 3, 8])
    remaining, ranked = [2, 3, 8], list[int]()
    for filled_mask in fill(model, text, allowed, GREEDY, two_streams=True):
        p: dict[int, Tensor] = {}
        for index in remaining:
            rank = {other: number for number, other in enumerate([*ranked, index])}
            rank |= {other: 99 for other in remaining if other != index}
            blocked = torch.zeros(1, 12, 12)
            for i, j in itertools.product(range(12), range(12)):
                blocked[0, i, j] = float(j in rank and rank.get(i, -1) <= rank[j])
            mapping = torch.zeros(1, 1, 12)
            mapping[0, 0, index] = 1
            outputs = hf_model(torch.tensor([text]), perm_mask=blocked, target_mapping=mapping)
            logits_V = outputs.logits[0, 0].double().masked_fill(~ALL_ALLOWED, -torch.inf)
            p[index] = logits_V.softmax(-1)
        best = max(remaining, key=lambda each: float(p[each].max()))
        assert (filled_mask.index, filled_mask.token) == (best, int(p[best].argmax()))
        torch.testing.assert_close(filled_mask.p_V, p[best], atol=1e-5, rtol=1e-4)
        text[best] = filled_mask.token
        ranked.append(best)
        remaining.remove(best)
    assert not remaining


def same_choices(one: list[FilledMask], two: list[FilledMask]) -> bool:
    return [(f.index, f.token) for f in one] == [(f.index, f.token) for f in two]


def test_with_two_streams_the_token_at_a_masked_position_has_no_effect() -> None:
    model = encoder(position="transformer-xl")
    text, allowed = masked_text(14, [1, 6, 7])
    other = [9 if index in allowed else token for index, token in enumerate(text)]
    one, two = (list(fill(model, t, allowed, GREEDY, two_streams=True)) for t in (text, other))
    assert same_choices(one, two)
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a.p_V, b.p_V)
    # With masks it has an effect: the test could fail.
    one, two = (list(fill(model, t, allowed, GREEDY)) for t in (text, other))
    assert not torch.equal(one[0].p_V, two[0].p_V)


@torch.no_grad()
def test_a_text_longer_than_the_window_is_read_around_each_mask() -> None:
    model = encoder(position="learned", max_positions=8)
    text, allowed = masked_text(30, [1, 15, 29])
    probabilities = {f.index: f.p_V for f in fill(model, text, allowed, GREEDY, window=8)}
    for index, first in ((1, 0), (15, 11), (29, 22)):  # far apart: none attends to another
        expected = p_with_masks(model, text[first : first + 8], index - first)
        torch.testing.assert_close(probabilities[index], expected, atol=1e-6, rtol=1e-5)


def test_a_seed_fills_the_same_tokens_and_only_allowed_ones() -> None:
    model = encoder()
    text, allowed = masked_text(20, [3, 9, 11])
    restricted = torch.zeros(VOCABULARY, dtype=torch.bool)
    restricted[[20, 21, 22]] = True
    allowed = {**allowed, 9: restricted}
    hot = Sampling(temperature=5.0)
    runs = [list(fill(model, text, allowed, hot, seed=seed)) for seed in (1, 1, 2, 3, 4)]
    assert same_choices(runs[0], runs[1])
    assert not all(same_choices(runs[0], other) for other in runs[2:])
    for run in runs:
        assert {f.index: f.token for f in run}[9] in {20, 21, 22}
        assert all(f.token > 9 for f in run)
        assert all(float(f.p_V.sum()) == pytest.approx(1) for f in run)


def test_dropout_is_off_while_filling() -> None:
    text, allowed = masked_text(20, [3, 9])
    drops = encoder(dropout=0.5).train()
    assert same_choices(
        list(fill(drops, text, allowed, GREEDY)), list(fill(encoder(), text, allowed, GREEDY))
    )
    assert drops.training
