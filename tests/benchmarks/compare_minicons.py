"""Compare the pseudo-log-likelihoods of `lmkit eval --task --pll …` with minicons'.

    pip install minicons==0.3.39          # in an environment of its own, next to lmkit
    lmkit export work/encoder --output hf
    python tests/benchmarks/compare_minicons.py work/encoder hf eval/blimp/*.jsonl.gz --limit 50

Task files must be of the kind pair: two sentences without contexts. Both compute in fp32, on the
CPU. minicons leaves out CLS, SEP and PAD by their ids; an exported encoder's texts are between BOS
and EOS, so it is told these instead. It takes a word to be what the pre-tokenizer cuts, lmkit a run
of letters and digits; `within-word` masks other tokens in sentences where these differ, which are
counted by themselves.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from minicons.scorer import MaskedLMScorer
from transformers import BatchEncoding

from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.evaluation.tasks.task_scorer import ScoredModel, task_scorer
from lmkit.tokenizers.word_boundaries import WordBoundaries
from lmkit.training.checkpoints.trained_model import TrainedModel, open_run

METRICS: dict[Literal["original", "within-word"], str] = {
    "original": "original",
    "within-word": "within_word_l2r",
}


def sentences_of(task: Task) -> Iterator[str]:
    for requests in task.requests():
        for request in requests:
            assert not request.context, f"{task.name}: not a task of the kind pair"
            yield request.continuation


def equal_words(words: WordBoundaries, encoded: BatchEncoding) -> bool:
    """Whether both divide the tokens of a sentence into the same words."""
    tokens_BT = encoded["input_ids"].numpy()
    starts = words.word_starts(tokens_BT, encoded["attention_mask"].numpy())[0].tolist()
    ids = encoded.word_ids(0)
    first = {word: ids.index(word) for word in set(ids) - {None}}
    return all(starts[column] == first[word] for column, word in enumerate(ids) if word is not None)


def compare(task: Task, trained: TrainedModel, theirs: MaskedLMScorer) -> None:
    made = trained.description
    scored = ScoredModel(trained.model, trained.tokenizer, made.learned, made.packing, made.longest)
    words = WordBoundaries.of(trained.tokenizer)
    sentences = list(sentences_of(task))
    # Encoded here: minicons 0.3.39 calls a method that Transformers 5 doesn't have.
    encoded = [theirs.tokenizer([sentence], return_tensors="pt") for sentence in sentences]
    are_equal = [equal_words(words, each) for each in encoded]
    for pll, metric in METRICS.items():
        answers = task_scorer(scored, TaskOptions(pll=pll)).answers(task)
        mine = [each.log_likelihood for answer in answers for each in answer.scored]
        found = [
            theirs.sequence_score(each, lambda x: x.double().sum().item(), PLL_metric=metric)
            for each in encoded
        ]
        differences = [abs(a - b) / abs(b) for a, [b] in zip(mine, found, strict=True)]
        compared = [
            difference
            for difference, equal in zip(differences, are_equal, strict=True)
            if equal or pll == "original"
        ]
        print(
            f"{task.name}, {pll}: {len(compared)} sentences, relative difference at most "
            f"{max(compared):.1e}; {len(sentences) - len(compared)} have other words",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("exported")
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=50)
    typed = parser.parse_args()
    torch.set_num_threads(1)
    trained = open_run(typed.run, torch.device("cpu"))
    theirs = MaskedLMScorer(typed.exported, "cpu")
    theirs.cls_token_id, theirs.sep_token_id = theirs.tokenizer("")["input_ids"]
    options = TaskOptions(task=tuple(typed.tasks), limit=typed.limit)
    for task in read_task_files(options, 32_000_000).tasks:
        compare(task, trained, theirs)


if __name__ == "__main__":
    main()
