import json
import math
from pathlib import Path
from typing import Any

import pytest

from lmkit.evaluation.tasks.item import Answer
from lmkit.evaluation.tasks.likelihoods.decoder_likelihood import DecoderLikelihood
from lmkit.evaluation.tasks.likelihoods.encoder_decoder_likelihood import (
    EncoderDecoderLikelihood,
    SourceFormat,
)
from lmkit.evaluation.tasks.likelihoods.masked_likelihood import MaskedLikelihood
from lmkit.evaluation.tasks.likelihoods.permutation_likelihood import PermutationLikelihood
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import read_task_files
from lmkit.evaluation.tasks.task_scorer import ScoredModel, TaskScorer, task_scorer
from lmkit.evaluation.tasks.token_division import Apart
from lmkit.evaluation.tasks.token_spans import RequestEncoder
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
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


def scorer_of(
    packed: Path, architecture: str, objective: str, **options: Any
) -> tuple[TaskScorer, Tokenizer]:
    tokenizer = Tokenizer.load(packed.parent / "tokenizer")
    values = {"architecture": architecture, "layers": 1, "hidden_size": 32, "heads": 4}
    model = Transformer(ModelConfig.model_validate(values), tokenizer.size)
    packing = Packing(32, tokenizer.bos, tokenizer.eos)
    span = {"span": {"style": options.pop("style")}} if "style" in options else {}
    config = ObjectiveConfig.model_validate({"objective": objective, **span})
    scored = ScoredModel(model, tokenizer, objective_of(config), packing, 32)
    return task_scorer(scored, TaskOptions.model_validate(options)), tokenizer


def test_what_a_model_predicts_decides_how_it_is_scored(packed: Path) -> None:
    found, tokenizer = scorer_of(packed, "decoder", "clm")
    assert isinstance(found.likelihoods, DecoderLikelihood)
    assert (found.encoder.bos, found.encoder.longest) == (tokenizer.bos, 32)
    found, _ = scorer_of(packed, "encoder", "mlm", pll="original")
    assert isinstance(found.likelihoods, MaskedLikelihood)
    assert (found.likelihoods.pll, found.encoder.longest) == ("original", 30)
    assert found.method == "pll original"
    found, _ = scorer_of(packed, "encoder", "plm")
    assert isinstance(found.likelihoods, PermutationLikelihood)


def test_an_encoder_decoder_is_asked_as_it_was_trained_or_as_lm_evaluation_harness_does(
    packed: Path,
) -> None:
    def format_of(**options: str) -> SourceFormat:
        found, _ = scorer_of(packed, "encoder-decoder", "span-corruption", **options)
        assert isinstance(found.likelihoods, EncoderDecoderLikelihood)
        is_apart = found.likelihoods.format.target_begins_with != "context"
        assert isinstance(found.encoder.division, Apart) is is_apart
        return found.likelihoods.format

    tokenizer = Tokenizer.load(packed.parent / "tokenizer")
    pad, eos = tokenizer.pad, tokenizer.eos
    assert pad is not None and eos is not None
    assert format_of() == SourceFormat(pad, eos, tokenizer.sentinels[0], "sentinel")
    lm_eval_format = SourceFormat(pad, eos, None, "nothing", without_context=tokenizer.bos)
    assert format_of(how="lm-eval") == lm_eval_format
    assert format_of(style="bart") == SourceFormat(pad, eos, tokenizer.mask, "context")


@pytest.mark.parametrize(
    ("architecture", "objective", "options"),
    [
        ("decoder", "clm", {}),
        ("encoder", "mlm", {}),
        ("encoder", "plm", {}),
        ("encoder-decoder", "span-corruption", {}),
        ("encoder-decoder", "span-corruption", {"style": "bart"}),
    ],
    ids=str,
)
def test_every_architecture_answers_every_kind_of_task(
    packed: Path, here: Path, architecture: str, objective: str, options: dict[str, Any]
) -> None:
    scorer, _ = scorer_of(packed, architecture, objective, **options)
    for record in (
        {"sentence_good": "a b c", "sentence_bad": "c b a"},
        {"query": "The cat sat on", "choices": ["the mat", "a"], "gold": 1},
        {"context_options": ["the cat", "the long dog"], "continuation": "sat", "gold": 1},
        {"context": "cat " * 50, "continuation": "sat"},
        {"text": "The cat sat on the mat, and the mat was warm. " * 5},
    ):
        Path("t.jsonl").write_text(json.dumps(record))
        (task,) = read_task_files(TaskOptions(task=(Path("t.jsonl"),)), 10_000).tasks
        (answer,) = scorer.answers(task)
        assert all(-1e4 < scored.log_likelihood < 0 for scored in answer.scored)
