"""Compare the CPU seconds of task scores with lm-evaluation-harness', at its best batch size.

    pip install lm-eval==0.4.13          # in an environment of its own, next to lmkit
    lmkit export work/run --output hf
    OMP_NUM_THREADS=1 python tests/benchmarks/task_speed.py work/run hf eval

`eval` holds arc_easy, commonsense_qa, lambada_openai and a folder blimp. Counted is the CPU time of
this process from texts as tokens to the likelihoods of all requests: reading tasks, prompts and
tokenization are not, nor scores. lm-eval gets the requests of lmkit, which are its own
(compare_lm_eval.py), and of several tasks all in one list, as it scores them; lmkit scores task
after task. Both compute in fp32, with one thread, in turn: in each round lmkit, and lm-eval with
each batch size. The medians of the rounds are compared; `wanted` is the most that is promised.
"""

import argparse
import gc
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from lm_eval.models.huggingface import HFLM

from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.evaluation.tasks.task_scorer import ScoredModel, TaskScorer, task_scorer
from lmkit.evaluation.tasks.token_spans import TokenSpan
from lmkit.training.checkpoints.open_model import open_model

OWN = Path(__file__).parent / "own_items"
BATCHES = (4, 16, 64)
WANTED = {"arc_easy": 0.5, "lambada_openai": 0.5, "blimp": 0.95, "mixture": 0.6}
Spans = list[list[list[TokenSpan]]]


@dataclass(frozen=True)
class Work:
    """What is scored: for lmkit the spans of each task, for lm-eval its own encoded requests."""

    spans: Sequence[Spans]
    requests: Sequence[tuple[tuple[str, str], list[int], list[int]]]


def work_of(tasks: Sequence[Task], scorer: TaskScorer, lm: HFLM) -> Work:
    spans: list[Spans] = []
    requests: list[tuple[tuple[str, str], list[int], list[int]]] = []
    for task in tasks:
        groups = list(task.requests())
        encoded = scorer.encoder.encoded(groups, [task.name] * len(groups), task.style.division)
        spans.append([[list(request.spans) for request in item] for item in encoded])
        for request in (request for group in groups for request in group):
            if request.context:
                context, continuation = lm._encode_pair(request.context, request.continuation)
            else:
                context = [lm.prefix_token_id]
                continuation = lm.tok_encode(request.continuation, add_special_tokens=False)
            requests.append(((request.context, request.continuation), context, continuation))
    return Work(spans, requests)


def cpu_seconds(compute: Callable[[], list[float]]) -> tuple[float, list[float]]:
    gc.collect()
    start = time.process_time()
    found = compute()
    return time.process_time() - start, found


def measure(name: str, work: Work, scorer: TaskScorer, lm: HFLM, rounds: int) -> None:
    def ours() -> list[float]:
        return [each.log_likelihood for task in work.spans for each in scorer.likelihoods(task)]

    def theirs() -> list[float]:
        found = lm._loglikelihood_tokens(list(work.requests), disable_tqdm=True)
        return [float(likelihood) for likelihood, _ in found]

    seconds: dict[int, list[float]] = defaultdict(list)
    worst = 0.0
    for _ in range(rounds):
        taken, mine = cpu_seconds(ours)
        seconds[0].append(taken)
        for size in BATCHES:
            lm.batch_size_per_gpu = size
            taken, others = cpu_seconds(theirs)
            seconds[size].append(taken)
            pairs = zip(mine, others, strict=True)
            worst = max(worst, *(abs(a - b) / abs(b) for a, b in pairs))
    medians = {size: median(each) for size, each in seconds.items()}
    best = min(BATCHES, key=lambda size: medians[size])
    shown = ", ".join(f"batch {size} {medians[size]:.2f}" for size in BATCHES)
    ratio = medians[0] / medians[best]
    wanted = f" (wanted {WANTED[name]})" if name in WANTED else ""
    print(
        f"{name}: {len(work.requests):,} requests; lmkit {medians[0]:.2f} CPU s, lm-eval {shown}; "
        f"ratio {ratio:.3f}{wanted}; relative difference at most {worst:.1e}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("exported")
    parser.add_argument("eval", type=Path)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--halves", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="names, such as blimp or mixture")
    typed = parser.parse_args()
    torch.set_num_threads(1)
    trained = open_model(typed.run, torch.device("cpu"))
    made = trained.description
    scored = ScoredModel(trained.model, trained.tokenizer, made.learned, made.packing, made.longest)
    scorer = task_scorer(scored, TaskOptions())
    lm = HFLM(pretrained=typed.exported, device="cpu", dtype="float32", max_length=made.longest)
    halves = sorted((typed.eval / "blimp").iterdir())
    step = len(halves) // typed.halves
    files = {
        **{
            name: [typed.eval / f"{name}.jsonl.gz"]
            for name in ("arc_easy", "commonsense_qa", "lambada_openai")
        },
        "blimp": halves[step // 2 :: step][: typed.halves],
        "own items": sorted(OWN.iterdir()),
    }
    files["mixture"] = [path for each in files.values() for path in each]
    for name, paths in files.items():
        if typed.only and name not in typed.only:
            continue
        options = TaskOptions(task=tuple(paths), limit=typed.limit)
        tasks = read_task_files(options, 32_000_000).tasks
        measure(name, work_of(tasks, scorer, lm), scorer, lm, typed.rounds)


if __name__ == "__main__":
    main()
