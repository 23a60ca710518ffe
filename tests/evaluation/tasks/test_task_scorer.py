import json
import math
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import ConfigError
from lmkit.evaluation.tasks.item import Answer
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import read_task_files
from lmkit.evaluation.tasks.task_scorer import TaskScorer, request_encoder
from lmkit.evaluation.tasks.token_spans import RequestEncoder
from lmkit.objectives.objective import Packing, objective_of
from lmkit.objectives.options import ObjectiveConfig
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.evaluation.tasks.words import Bigrams, encode

TABLE = {
    ("<s>", " cats"): 0.5,
    ("<s>", " dogs"): 0.25,
    (" cats", " sleep"): 0.5,
    (" cats", " sleeps"): 0.25,
    (" dogs", " sleeps"): 0.5,
    (" dogs", " sleep"): 0.125,
}


def answers(records: list[dict[str, Any]], longest: int = 100) -> list[Answer]:
    Path("t.jsonl").write_text("\n".join(map(json.dumps, records)))
    options = TaskOptions(task=(Path("t.jsonl"),))
    (task,) = read_task_files(options, 10_000).tasks
    scorer = TaskScorer(RequestEncoder(encode, 0, 0, longest), Bigrams(TABLE))
    return list(scorer.answers(task))


def test_a_table_of_bigrams_gives_the_likelihoods_computed_by_hand(here: Path) -> None:
    found = answers(
        [
            {"sentence_good": "cats sleep", "sentence_bad": "cats sleeps"},
            {"sentence_good": "dogs sleep", "sentence_bad": "dogs sleeps"},
        ]
    )
    likelihoods = [[math.exp(s.log_likelihood) for s in each.scored] for each in found]
    assert likelihoods == [pytest.approx([1 / 4, 1 / 8]), pytest.approx([1 / 32, 1 / 8])]
    assert [s.tokens for each in found for s in each.scored] == [2, 2, 2, 2]
    assert [each.gold.is_greedy for each in found] == [True, False]


def test_answers_are_in_order_and_cut_contexts_are_reported(here: Path) -> None:
    records = [{"context": " ".join(["cats"] * n), "continuation": "sleep"} for n in (1, 2, 9)]
    found = answers(records, longest=3)
    assert [each.item.line for each in found] == [1, 2, 3]
    assert [each.gold.is_cut for each in found] == [False, False, True]
    assert math.exp(found[2].gold.log_likelihood) == pytest.approx(0.5)


def test_a_long_text_is_the_sum_of_its_windows(here: Path) -> None:
    (found,) = answers([{"text": " cats sleep cats sleep"}], longest=2)
    assert found.gold.log_likelihood == pytest.approx(math.log(0.5 * 0.5 * 1e-6 * 0.5))
    assert found.gold.tokens == 4


def test_a_model_that_predicts_no_next_token_answers_no_tasks(packed: Path) -> None:
    tokenizer = Tokenizer.load(packed.parent / "tokenizer")
    packing = Packing(32, tokenizer.bos, tokenizer.eos)
    clm = objective_of(ObjectiveConfig(objective="clm"))
    assert request_encoder(clm, tokenizer, packing, 32).prefix == tokenizer.bos
    mlm = objective_of(ObjectiveConfig(objective="mlm"))
    with pytest.raises(ConfigError, match="--objective mlm predicts no next token"):
        request_encoder(mlm, tokenizer, packing, 32)
