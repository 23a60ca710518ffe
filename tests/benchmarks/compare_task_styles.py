"""Compare `lmkit eval --task --style core|llm-foundry` with the programs that the styles are of.

    git clone https://github.com/karpathy/nanochat; git clone …/mosaicml/llm-foundry
    lmkit export work/run --output hf
    python tests/benchmarks/compare_task_styles.py work/run hf eval/arc_easy.jsonl.gz … --shots 3 \
        --nanochat nanochat --llm-foundry llm-foundry

Only two files of each are read: nanochat/core_eval.py, whose answers must be the same, and
llmfoundry/eval/datasets/{in_context_learning_evaluation,utils}.py, whose tokens and spans must be.
Composer, which these import, is replaced by what they need of it: a rank, and a copy of a file.
Needs jinja2 and transformers. The model reads at most what it was trained to.
"""

import argparse
import gzip
import json
import shutil
import sys
import tempfile
import types
from contextlib import nullcontext
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from random import Random
from typing import Any

import torch

from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import Task, read_task_files
from lmkit.evaluation.tasks.task_scorer import ScoredModel, task_scorer
from lmkit.training.checkpoints.trained_model import TrainedModel, open_run

TYPES = {"choice": "multiple_choice", "schema": "schema", "completion": "language_modeling"}
CLASSES = {"choice": "MultipleChoice", "schema": "Schema", "completion": "LM"}


def scorer_of(trained: TrainedModel, style: str) -> Any:
    made = trained.description
    scored = ScoredModel(trained.model, trained.tokenizer, made.learned, made.packing, made.longest)
    return task_scorer(scored, TaskOptions(style=style))


def task_of(path: Path, style: str, shots: int, limit: int, delimiter: str) -> Task:
    suffix = {"prompt_suffix": None, "delimiter": delimiter}
    options = TaskOptions(task=(path,), style=style, shots=shots, limit=limit, **suffix)
    return read_task_files(options, 32_000_000).tasks[0]


def records_of(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return [json.loads(line) for line in text.splitlines()]


def compare_core(trained: TrainedModel, path: Path, task: Task, source: Path) -> str:
    """Return how many answers are the same as nanochat's."""
    file = source / "nanochat/core_eval.py"
    module = SourceFileLoader("core_eval", str(file)).load_module()

    class Words:
        def get_bos_token_id(self) -> int:
            return trained.tokenizer.bos or 0

        def __call__(self, texts: list[str], prepend: int) -> list[list[int]]:
            return [[prepend, *ids.tolist()] for ids in trained.tokenizer.encode_batch(texts)]

    class Model:
        max_seq_len = trained.description.longest

        def __call__(self, tokens_BT: torch.Tensor) -> torch.Tensor:
            positions_BT = torch.arange(tokens_BT.shape[1]).expand(tokens_BT.shape)
            return trained.model.logits(trained.model.features(tokens_BT, positions_BT))

    data = records_of(path)
    Random(1337).shuffle(data)
    meta = {
        "task_type": TYPES[task.kind.name],
        "num_fewshot": task.settings.shots,
        "continuation_delimiter": task.settings.delimiter,
    }
    answers = list(scorer_of(trained, "core").answers(task))
    right = [task.measures["acc"].of_answer(answer) == 1 for answer in answers]
    theirs = [
        module.evaluate_example(number, Model(), Words(), data, "cpu", meta)
        for number in range(len(answers))
    ]
    same = sum(one == bool(other) for one, other in zip(right, theirs, strict=True))
    return f"nanochat: {same} of {len(right)} answers equal; acc {sum(right) / len(right):.4f}"


def foundry_module(source: Path) -> Any:
    """Import llm-foundry's file with stand-ins for Composer."""

    def copied(uri: str, path: str, **_: object) -> None:
        shutil.copy(uri, path)

    dist = types.SimpleNamespace(
        local_rank_zero_download_and_wait=lambda _: nullcontext(), get_local_rank=lambda: 0
    )
    named: dict[str, dict[str, Any]] = {
        "composer": {},
        "composer.core": {"DataSpec": object},
        "composer.core.data_spec": {"_default_split_batch": None, "_split_list": None},
        "composer.utils": {
            "MissingConditionalImportError": ImportError,
            "dist": dist,
            "get_file": copied,
        },
        "llmfoundry": {"registry": None},
        "llmfoundry.eval": {},
        "llmfoundry.eval.datasets": {},
        "llmfoundry.utils": {},
        "llmfoundry.utils.registry_utils": {"construct_from_registry": None},
    }
    for name, values in named.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(values, __path__=[])
    folder = source / "llmfoundry/eval/datasets"
    sys.modules["llmfoundry.eval.datasets"].__path__ = [str(folder)]
    return import_module("llmfoundry.eval.datasets.in_context_learning_evaluation")


def compare_foundry(trained: TrainedModel, hf: Path, path: Path, task: Task, source: Path) -> str:
    """Return in how many items all tokens and spans are the same as llm-foundry's."""
    from transformers import AutoTokenizer

    module = foundry_module(source)
    words = AutoTokenizer.from_pretrained(hf)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "task.jsonl"
        plain.write_text("".join(f"{json.dumps(each)}\n" for each in records_of(path)))
        longest, pad = trained.description.longest, 999_999_999
        made = getattr(module, f"InContextLearning{CLASSES[task.kind.name]}TaskDataset")(
            dataset_uri=str(plain),
            tokenizer=words,
            max_seq_len=longest,
            pad_tok_id=pad,
            num_fewshot=task.settings.shots,
            destination_path=str(Path(scratch) / "copy.jsonl"),
            continuation_delimiter=task.settings.delimiter,
        )
        same = 0
        encoder = scorer_of(trained, "llm-foundry").encoder
        requests = list(task.requests())
        groups = encoder.encoded(requests, [""] * len(requests), task.style.division)
        for number, group in enumerate(groups):
            found = made[number]
            rows, spans = found[made.context_key], found["continuation_indices"]
            if task.kind.name == "completion":
                rows, spans = [rows], [spans]
            theirs = [
                ([token for token in row if token != pad], span[0])
                for row, span in zip(rows, spans, strict=True)
            ]
            ours = [
                (list(span.tokens), span.first_target)
                for request in group
                for span in request.spans
            ]
            same += theirs == ours
    return f"llm-foundry: {same} of {len(requests)} items have equal tokens and spans"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("hf", type=Path)
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--nanochat", type=Path)
    parser.add_argument("--llm-foundry", type=Path)
    parser.add_argument("--shots", type=int, default=0)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--delimiter", default=" ")
    typed = parser.parse_args()
    delimiter = typed.delimiter.replace("\\n", "\n")
    trained = open_run(typed.run, torch.device("cpu"))
    torch.set_grad_enabled(False)
    for path in typed.tasks:
        made = {
            style: task_of(path, style, typed.shots, typed.limit, delimiter)
            for style in ("core", "llm-foundry")
        }
        if typed.nanochat:
            print(path, compare_core(trained, path, made["core"], typed.nanochat))
        if typed.llm_foundry:
            result = compare_foundry(
                trained, typed.hf, path, made["llm-foundry"], typed.llm_foundry
            )
            print(path, result)


if __name__ == "__main__":
    main()
