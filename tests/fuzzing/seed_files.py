"""A small pipeline whose files are damaged, and the commands that read each of them back."""

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SHAPE = (
    *("--model.layers", "1", "--model.hidden-size", "16", "--model.heads", "2", "--device", "cpu"),
)
RUN = (
    *SHAPE,
    *("--batch-tokens", "64", "--save-every", "2", "--precision", "fp32", "--validate-every", "2"),
    *("--eval.tasks", "tasks/quiz.jsonl", "--sample.prompts", "prompts.txt"),
    *("--sample.max-tokens", "4"),
)
RULES = ("--workers", "1", "--filters.rules", "basic")
ONE = ("--workers", "1")
BY_URL = ("--url", "drop", "--keep.rule", "largest", "--keep.field", "metadata.year")
REPEATS = ("--repeats.passages", "20", "--minhash.action", "label")
MANY_RULES = ("--filters.rules", "basic,gopher,c4-paper,fineweb,markup", "--sentences", "lines")
MANY_RULES += ("--max-characters", "300", "--pii.action", "pseudonym")
LENGTH = ("--sequence-length", "32", "--validation", "0.1")
BUDGET = ("--tokens", "20000", *SHAPE)
PLAN = ("plan", "packed", *BUDGET, "--pilot-minutes")
STORED = ("clean", "raw", *RULES, "--executor", "inline", "--scratch", "work", "--output")
PIPELINE: tuple[tuple[str, ...], ...] = (
    ("clean", "raw", "--output", "clean", *RULES, "--pii.action", "tag"),
    ("dedup", "clean", "--output", "dedup", "--index", "index", *ONE),
    ("train-classifier", "raw/a.jsonl", "raw/b.jsonl", "--output", "classifier", *ONE),
    ("train-tokenizer", "clean", "--output", "tok", "--vocab-size", "600", *ONE),
    ("pack", "clean", "--tokenizer", "tok", "--output", "packed", *LENGTH, *ONE),
    ("pretrain", "packed", "--output", "run", "--steps", "4", *RUN),
    ("eval", "run", "--data", "packed", "--task", "tasks", "--output", "eval"),
    ("export", "run", "--output", "hf"),
    ("report", "run", "--output", "report", *ONE),
    (*PLAN, "none", "--output", "plan"),
    (*STORED, "disk://bucket/clean"),
)
"""What makes the files, in a folder that holds `raw` and `tasks`."""

INTERRUPTED: tuple[tuple[str, ...], ...] = (
    ("clean", "raw", "--output", "halfway", *RULES, "--pii.action", "tag"),
    ("pretrain", "packed", "--output", "begun", "--steps", "4", *RUN),
    ("dedup", "clean", "--output", "deduplicating", *REPEATS, *ONE),
    (*PLAN, "0.0001", "--output", "planning"),
    (*STORED, "disk://bucket/begun"),
)
"""What is stopped before its manifest is written."""
INTERRUPTED_CODE = 130

COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "raw": (
        ("clean", "raw", "--output", "o", *RULES),
        ("inspect", "raw"),
        ("pack", "raw/a.jsonl", "--tokenizer", "tok", "--output", "o", *ONE),
    ),
    "formats": (("clean", "formats", "--output", "o", *ONE),),
    "clean": (
        ("inspect", "clean"),
        ("inspect", "clean", "--rules"),
        ("inspect", "clean", "dedup"),
        ("dedup", "clean", "--output", "o", *ONE),
        ("dedup", "clean", "--output", "o", *BY_URL, *ONE),
        ("dedup", "clean", "--output", "o", *REPEATS, *ONE),
        ("clean", "clean", "--output", "o", *MANY_RULES, *ONE),
        ("train-classifier", "clean", "raw/a.jsonl", "--output", "o", *ONE),
        ("dedup", "raw", "--against", "clean", "--output", "o", *ONE),
        ("train-tokenizer", "clean", "--output", "o", "--vocab-size", "600", *ONE),
        ("pack", "clean", "--tokenizer", "tok", "--output", "o", *ONE),
        ("clean", "clean", "--output", "o", *RULES),
        ("clean", "raw", "--output", "clean", *RULES, "--pii.action", "tag"),
        ("report", "clean", "--output", "o", *ONE),
        ("eval", "run", "--data", "clean", "--output", "o"),
    ),
    "dedup": (
        ("inspect", "dedup"),
        ("report", "dedup", "--output", "o", *ONE),
        ("pack", "dedup", "--tokenizer", "tok", "--output", "o", *ONE),
    ),
    "index": (("dedup", "raw", "--output", "o", "--index", "index", *ONE), ("inspect", "index")),
    "classifier": (
        ("clean", "raw", "--output", "o", "--filters.classifier", "classifier", *ONE),
        ("inspect", "classifier"),
    ),
    "tok": (
        ("inspect", "tok"),
        ("pack", "clean", "--tokenizer", "tok", "--output", "o", *ONE),
        ("train-tokenizer", "clean", "--from", "tok/tokenizer.json", "--output", "o", *ONE),
        ("train-tokenizer", "clean", "--from", "tok", "--output", "o", *ONE),
        ("inspect", "tok", "--text", "Some words."),
    ),
    "packed": (
        ("inspect", "packed"),
        ("eval", "run", "--data", "packed"),
        ("pack", "packed", "--output", "o", "--sequence-length", "16", *ONE),
        ("pack", "packed", "--output", "o", "--packing", "best-fit", *ONE),
        ("pretrain", "packed", "--output", "o", "--steps", "1", *RUN),
        ("pretrain", "packed", "--output", "run", "--steps", "5", *RUN),
        ("export", "packed", "--output", "o"),
        ("report", "packed", "--output", "o", *ONE),
        (*PLAN, "none"),
        ("plan", "packed", "--flops", "1e10", *SHAPE, "--pilot-minutes", "none"),
    ),
    "plan": (
        (*PLAN, "none", "--output", "plan"),
        ("pretrain", "--config", "plan/config.toml", "--output", "o", "--dry-run"),
        ("inspect", "plan"),
        ("report", "plan", "--output", "o", *ONE),
    ),
    "planning": (
        (*PLAN, "0.0001", "--output", "planning"),
        (*PLAN, "0.0001", "--output", "planning", "--overwrite"),
        ("inspect", "planning"),
    ),
    "run": (
        ("generate", "run", "--max-tokens", "3"),
        ("generate", "run", "--prompts", "prompts.txt", "--max-tokens", "3", "--json"),
        ("eval", "run", "--data", "packed"),
        ("eval", "run", "--task", "tasks", "--output", "o"),
        ("inspect", "run"),
        ("inspect", "run", "clean"),
        ("report", "run", "--output", "o", *ONE),
        ("export", "run", "--output", "o"),
        ("pretrain", "packed", "--output", "run", "--steps", "5", *RUN),
        ("pretrain", "packed", "--output", "run", "--steps", "4", *RUN),
        ("pretrain", "packed", "--output", "run", "--steps", "4", *RUN, "--overwrite"),
        ("pretrain", "packed", "--output", "o", "--steps", "1", "--init-from", "run"),
        ("generate", "run/checkpoints/step-00000002", "--max-tokens", "3"),
        (*PLAN, "none", "--runs", "run"),
    ),
    "begun": (
        ("pretrain", "packed", "--output", "begun", "--steps", "4", *RUN),
        ("inspect", "begun"),
        ("report", "begun", "--output", "o", *ONE),
        ("generate", "begun", "--max-tokens", "3"),
    ),
    "halfway": (
        ("clean", "raw", "--output", "halfway", *RULES, "--pii.action", "tag"),
        ("inspect", "halfway"),
        ("report", "halfway", "--output", "o", *ONE),
    ),
    "deduplicating": (
        ("dedup", "clean", "--output", "deduplicating", *REPEATS, *ONE),
        ("inspect", "deduplicating"),
        ("report", "deduplicating", "--output", "o", *ONE),
    ),
    "store": (
        (*STORED, "disk://bucket/clean"),
        (*STORED, "disk://bucket/begun"),
        (*STORED, "disk://bucket/begun", "--overwrite"),
        ("dedup", "disk://bucket/clean", "--output", "o", *ONE),
        ("inspect", "disk://bucket/clean"),
    ),
    "work": ((*STORED, "disk://bucket/begun"),),
    "hf": (
        ("generate", "hf", "--max-tokens", "3"),
        ("eval", "hf", "--data", "clean"),
        ("inspect", "hf"),
        ("pretrain", "packed", "--output", "o", "--steps", "1", "--init-from", "hf"),
        ("train-tokenizer", "clean", "--from", "hf", "--output", "o", *ONE),
    ),
    "eval": (
        ("inspect", "eval"),
        ("report", "eval", "--output", "o", *ONE),
        ("inspect", "eval", "eval"),
    ),
    "report": (("inspect", "report"), ("report", "run", "--output", "report", *ONE)),
    "tasks": (
        ("eval", "run", "--task", "tasks", "--output", "o"),
        ("eval", "run", "--task", "tasks", "--style", "core"),
    ),
    "configs": (
        ("pretrain", "packed", "--output", "o", "--config", "configs/pretrain.toml"),
        ("clean", "raw", "--output", "o", "--config", "configs/clean.toml"),
        ("clean", "raw", "--output", "o", "--config", "configs/clean.json"),
        ("pipeline", "configs/pipeline.toml"),
        ("pipeline", "configs/pipeline.toml", "--dry-run"),
    ),
    "prompts.txt": (("generate", "run", "--prompts", "prompts.txt", "--max-tokens", "3"),),
    "prompts.jsonl": (("generate", "run", "--prompts", "prompts.jsonl", "--max-tokens", "3"),),
}
"""The commands that read the files of a folder, or a file."""


def make_seeds(folder: Path, run: Callable[..., int]) -> None:
    """Make all files in a folder.

    `run` runs a command line there and returns its exit code; with `stopped`, it is interrupted
    before its manifest is written.
    """
    folder.mkdir(parents=True)
    _write_raw(folder)
    _write_formats(folder / "formats")
    for command in PIPELINE:
        assert run(folder, command) == 0, command
    for command in INTERRUPTED:
        assert run(folder, command, stopped=True) == INTERRUPTED_CODE, command
    lease = {"owner": "a", "host": "b", "machine": "", "process": 1, "renewed": 0}
    (folder / "store/bucket/begun/.lease").write_text(json.dumps(lease))


def _write_raw(folder: Path) -> None:
    rng = random.Random(0)
    words = Path(json.__file__).read_text().split()
    texts = [" ".join(rng.choices(words, k=rng.randrange(60, 90))) for _ in range(40)]
    records = [
        {"id": f"d{n}", "text": text, "source": "s", "url": f"https://a.example/{n}", "year": n}
        for n, text in enumerate(texts)
    ]
    (folder / "raw").mkdir()
    for name, part in (("a", records[:20]), ("b", records[20:])):
        lines = (json.dumps(record) + "\n" for record in part)
        (folder / f"raw/{name}.jsonl").write_text("".join(lines))
    (folder / "raw/c.txt").write_text("Mail me at a.b@example.com, or call +49 30 901820.\n" * 9)
    (folder / "prompts.txt").write_text("One\nTwo words\n")
    (folder / "prompts.jsonl").write_text('{"prompt": "a", "suffix": ""}\n{"prompt": "b"}\n')
    tasks = folder / "tasks"
    tasks.mkdir()
    items = [{"query": f"{n} and", "choices": ["two", "three"], "gold": n % 2} for n in range(4)]
    (tasks / "quiz.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (tasks / "quiz.toml").write_text('shots = 1\ndelimiter = " "\n')
    configs = folder / "configs"
    configs.mkdir()
    (configs / "pretrain.toml").write_text(
        'steps = 1\nbatch_tokens = 64\ndevice = "cpu"\nprecision = "fp32"\n[model]\nlayers = 1\n'
        'hidden_size = 16\nheads = 2\n[optim]\nlr = 0.001\ngrad_clip = 1.0\nalgorithm = "adamw"\n'
    )
    (configs / "clean.toml").write_text('workers = 1\nseed = 3\n[filters]\nrules = ["basic"]\n')
    (configs / "pipeline.toml").write_text(
        'folder = ".."\n[[stage]]\ncommand = "clean"\ninputs = ["raw"]\noutput = "o"\n'
        'workers = 1\nfilters.rules = ["basic"]\n[[stage]]\ncommand = "inspect"\nfolder = "o"\n'
    )
    (configs / "clean.json").write_text('{"workers": 1, "filters": {"rules": ["basic"]}}')


def _write_formats(folder: Path) -> None:
    """Write a file in each format that `clean` reads."""
    folder.mkdir()
    text = "A sentence of some words. Another one, with a comma.\n\n" * 5
    rows = {"id": ["1", "2", "3"], "text": [text, "b", None], "n": [1, 2, 3], "l": [[1], [], None]}
    pq.write_table(pa.table(rows), folder / "a.parquet", compression="zstd")
    cell = {"cell_type": "markdown", "source": [text], "metadata": {}}
    page = f"<html><head><title>t</title></head><body><p>{text}</p></body></html>"
    files = {
        "b.csv": f'id,text\n1,"{text}"\n2,b\n',
        "c.html": page,
        "d.xml": (
            "<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo><page><title>T</title>"
            "<ns>0</ns><id>1</id><revision><text>'''T''' [[a|b]] {{c|d}} "
            f"{text}</text></revision></page></mediawiki>"
        ),
        "e.srt": "1\n00:00:01,000 --> 00:00:02,000\nHello there\n\n" * 3,
        "f.ipynb": json.dumps({"cells": [cell], "nbformat": 4, "metadata": {}}),
        "g.json": json.dumps([{"id": 1, "text": text}, {"text": "b"}]),
        "i.py": "# Copyright\ndef f():\n    return 1\n" * 5,
        "j.tsv": "id\ttext\n1\ta b c\n",
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    body = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{page}"
    head = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\n"
    record = f"{head}Content-Length: {len(body)}\r\n\r\n{body}\r\n\r\n"
    (folder / "h.warc").write_bytes(record.encode() * 2)
    container = '<container><rootfiles><rootfile full-path="o.opf"/></rootfiles></container>'
    item = '<item id="a" href="a.html" media-type="application/xhtml+xml"/>'
    spine = '<spine><itemref idref="a"/></spine>'
    book = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "o.opf": f"<package><manifest>{item}</manifest>{spine}</package>",
        "a.html": page,
    }
    members = {"a.txt": text, "b.jsonl": json.dumps({"text": text})}
    for name, parts in (("k.epub", book), ("l.zip", members)):
        with zipfile.ZipFile(folder / name, "w") as archive:
            for part, content in parts.items():
                archive.writestr(part, content)
