from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import models

from lmkit.counter_rng import row_keys
from lmkit.errors import InputError
from lmkit.objectives.objective import Packing, objective_of, ordinary
from lmkit.objectives.options import ObjectiveConfig
from lmkit.packing.token_rows import NO_TARGET
from lmkit.tokenizers.build import train
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.conftest import prose
from tests.objectives.texts import token_rows

PACKING = Packing(64, bos=2, eos=3)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    save(train(prose(20), Recipe("bpe", 600)), folder)
    return Tokenizer.load(folder)


def minimal_tokenizer(folder: Path, *special: str) -> Tokenizer:
    """A tokenizer with a few special tokens."""
    tokenizer = tokenizers.Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    tokenizer.add_special_tokens([tokenizers.AddedToken(text, special=True) for text in special])
    save(tokenizer, folder)
    return Tokenizer.load(folder)


def config(**values: object) -> ObjectiveConfig:
    return ObjectiveConfig.model_validate(values)


ALL = [
    {"objective": "clm"},
    {"objective": "clm", "fim": {"rate": 0.9}},
    {"objective": "mlm"},
    {"objective": "mlm", "mlm": {"whole_word": True}},
    {"objective": "plm"},
    {"objective": "span-corruption"},
    {"objective": "span-corruption", "span": {"style": "bart"}},
]


@pytest.mark.parametrize("values", ALL, ids=str)
def test_a_batch_depends_only_on_seed_step_and_sequence(
    tokenizer: Tokenizer, values: dict[str, object]
) -> None:
    make_batch = objective_of(config(**values)).make(tokenizer, PACKING)
    texts = [[2, *tokenizer.encode(text).tolist(), 3] for text in prose(30, 8)]
    rows = token_rows(texts, 64)
    numbers = np.arange(len(rows))

    def batches(parts: int, step: int) -> list[tuple[int, list[int]]]:
        result = []
        for indices in np.array_split(numbers[::-1], parts):
            batch = make_batch(rows.read(indices), row_keys(5, step, indices))
            source = batch.tokens_BT if batch.source_tokens_BS is None else batch.source_tokens_BS
            arrays = zip(indices, batch.tokens_BT, source, batch.targets_BT, strict=True)
            for number, ids, source_ids, targets in arrays:
                # Widths may differ where a sequence has many short documents; its content may not.
                all_ids = [
                    *ids[ids > 0],
                    *source_ids[source_ids > 0],
                    *targets[targets != NO_TARGET],
                ]
                result.append((int(number), [int(token) for token in all_ids]))
        return sorted(result)

    assert batches(1, 3) == batches(4, 3) == batches(len(numbers), 3)
    if values != {"objective": "clm"}:
        assert batches(1, 3) != batches(1, 4)


@pytest.mark.parametrize(
    ("values", "special", "message"),
    [
        ({"objective": "mlm"}, ["<pad>"], "--objective mlm needs a mask token"),
        ({"fim": {"rate": 0.5}}, ["<pad>", "<fim_prefix>"], "needs the token <fim_middle>"),
        ({"objective": "span-corruption"}, ["<pad>"], "needs an EOS token"),
        (
            {"objective": "span-corruption"},
            ["<pad>", "</s>", "<extra_id_0>", "<extra_id_1>"],
            "sequences of 64 tokens have up to 3 masked spans, and the tokenizer has 2 sentinels",
        ),
        (
            {"objective": "span-corruption", "span": {"style": "bart"}},
            ["<pad>", "</s>"],
            "needs a mask token",
        ),
    ],
)
def test_a_tokenizer_without_the_tokens_is_refused(
    tmp_path: Path, values: dict[str, object], special: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")) as error:
        objective_of(config(**values)).make(minimal_tokenizer(tmp_path, *special), PACKING)
    assert error.value.hint and "lmkit train-tokenizer" in error.value.hint


def test_ordinary_tokens_are_all_but_the_special_ones(tokenizer: Tokenizer) -> None:
    assert np.flatnonzero(~ordinary(tokenizer)).tolist() == list(range(266))


def test_an_objective_without_a_scored_form_is_scored_as_it_is_trained() -> None:
    masks = objective_of(config(objective="mlm", mlm={"probability": 0.3}))
    assert masks.scored == masks
