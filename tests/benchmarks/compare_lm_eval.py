r"""Compare the log-likelihoods and prompts of `lmkit eval --task` with lm-evaluation-harness'.

    pip install lm-eval==0.4.13          # in an environment of its own, next to lmkit
    lmkit export work/run --output hf
    python tests/benchmarks/compare_lm_eval.py work/run hf eval/arc_easy.jsonl.gz \
        tests/benchmarks/own_items/*.jsonl … --limit 300

Task files must be of the kinds choice, pair, completion or schema, with llm-foundry's field names.
lm-eval must be 0.4.9.2 or newer: older versions send no BOS. Both compute in fp32, on the CPU. An
encoder-decoder is scored with `--how lm-eval`; lm-eval counts the EOS of its source in the length
that it reads, lmkit also leaves room for a sentinel.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import get_task_dict

from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.evaluation.tasks.task_scorer import ScoredModel, TaskScorer, task_scorer
from lmkit.evaluation.tasks.task_scores import task_scores
from lmkit.training.checkpoints.open_model import open_model

CONFIGS: dict[str, dict[str, Any]] = {
    "choice": {
        "output_type": "multiple_choice",
        "doc_to_text": "{{query.strip()}}{{'' if 'Answer:' in query or 'Question:' not in query "
        "else '\nAnswer:'}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{gold}}",
    },
    "pair": {
        "output_type": "multiple_choice",
        "doc_to_text": "",
        "doc_to_choice": "{{[sentence_good, sentence_bad]}}",
        "doc_to_target": 0,
    },
    "schema": {
        "output_type": "multiple_choice",
        "doc_to_text": "{{gold}}",
        "doc_to_choice": "{{context_options}}",
        "doc_to_target": "{{continuation}}",
    },
    "completion": {
        "output_type": "loglikelihood",
        "doc_to_text": "{{context}}",
        "doc_to_target": "{{' ' + continuation.strip()}}",
        "target_delimiter": "",  # else examples have two blanks
    },
}


def config_of(task: Task, shots: int) -> dict[str, Any]:
    name = task.name.replace("/", "_")
    metrics = ["acc"] if task.kind.name != "completion" else ["acc", "perplexity"]
    metrics += ["acc_norm", "acc_bytes"] if task.kind.name == "choice" else []
    return CONFIGS[task.kind.name] | {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(task.path.resolve())}},
        "test_split": "test",
        "fewshot_split": "test",
        "num_fewshot": shots,
        "metric_list": [{"metric": metric} for metric in metrics],
    }


def compare(task: Task, scorer: TaskScorer, lm: HFLM, shots: int, limit: int | None) -> None:
    start = time.process_time()
    answers = list(scorer.answers(task))
    ours_seconds = time.process_time() - start
    config = config_of(task, shots)
    tasks = get_task_dict([config])
    tasks[config["task"]].set_fewshot_seed(1234)  # as its command line does
    start = time.process_time()
    found = evaluate(lm, tasks, limit=limit, log_samples=True, bootstrap_iters=0)
    seconds = time.process_time() - start
    assert found is not None
    samples = sorted(found["samples"][config["task"]], key=lambda each: each["doc_id"])
    worst, prompts_equal, chosen_equal = 0.0, 0, 0
    for answer, requests, sample in zip(answers, task.requests(), samples, strict=True):
        theirs = (
            [tuple(a.values()) for a in sample["arguments"].values()]
            if isinstance(sample["arguments"], dict)
            else [tuple(a) for a in sample["arguments"]]
        )
        ours = [(each.before + each.context, each.continuation) for each in requests]
        prompts_equal += ours == theirs
        likelihoods = [response[0][0] for response in sample["resps"]]
        mine = [scored.log_likelihood for scored in answer.scored]
        worst = max(
            worst, *(abs(a - float(b)) / abs(a) for a, b in zip(mine, likelihoods, strict=True))
        )
        chosen_equal += mine.index(max(mine)) == likelihoods.index(max(likelihoods))
    scores = task_scores(task, answers, scorer.method).scores
    results = found["results"][config["task"]]
    values = {
        name: (scores[name].value, results.get(f"{name},none"))
        for name in ("acc", "acc_norm", "acc_bytes", "perplexity")
        if f"{name},none" in results
    }
    print(
        f"{task.name} ({shots} shots): {len(answers)} items, prompts equal {prompts_equal}, "
        f"choices equal {chosen_equal}, relative difference at most {worst:.1e}; "
        f"(lmkit, lm-eval): {values}; CPU seconds {ours_seconds:.1f}, {seconds:.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("exported")
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--shots", type=int, nargs="+", default=[0, 3])
    parser.add_argument("--batch-size", type=int, default=16)
    typed = parser.parse_args()
    torch.set_num_threads(1)
    trained = open_model(typed.run, torch.device("cpu"))
    made = trained.description
    scorer = task_scorer(
        ScoredModel(trained.model, trained.tokenizer, made.learned, made.packing, made.longest),
        TaskOptions(how="lm-eval"),
    )
    is_decoder = made.config.architecture == "decoder"
    lm = HFLM(
        pretrained=typed.exported,
        device="cpu",
        dtype="float32",
        batch_size=typed.batch_size,
        backend="causal" if is_decoder else "seq2seq",
        max_length=made.longest if is_decoder else made.longest - 1,
    )
    for shots in typed.shots:
        options = TaskOptions(task=tuple(typed.tasks), limit=typed.limit, shots=shots)
        for task in read_task_files(options, 32_000_000).tasks:
            compare(task, scorer, lm, shots, typed.limit)


if __name__ == "__main__":
    main()
