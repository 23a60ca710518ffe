"""How long does lmkit train for the loss at which nanoGPT's documented CPU run ends?

    python tests/benchmarks/shakespeare_times.py NANOGPT TEXT SCRATCH [--rounds 3]
        [--steps 500] [--batch-tokens 1536] [--tune STEPSxTOKENS,...]

NANOGPT is a clone of its repository, TEXT is "tiny Shakespeare". nanoGPT trains as its README says
for a laptop: 4 blocks of 128, context 64, 12 sequences a step, 2,000 steps in fp32. lmkit trains
the same shape as its command starts by itself, with fewer steps. Prints for both the loss on the
whole validation text in windows of 64, the seconds of training alone (steps as each program reports
them, without imports and validation), and those of the whole command; in turn, and their medians.

    --tune    trains lmkit on the first 80% of the text, scored on the following 10%, with these
              steps and tokens of a batch: what is chosen here isn't chosen on what is reported
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

LENGTH, SEQUENCES, STEPS = 64, 12, 2000
DOCUMENTED = {
    **{"device": "cpu", "compile": False, "eval_iters": 20, "log_interval": 1, "block_size": 64},
    **{"batch_size": 12, "n_layer": 4, "n_head": 4, "n_embd": 128, "max_iters": STEPS},
    **{"lr_decay_iters": STEPS, "dropout": 0.0},
}
"""The flags of its README for a run without a GPU."""
EVALUATED = 250
"""Steps between its evaluations, whose time is in that of the step."""
SHAPE = ("--model.layers", 4, "--model.heads", 4, "--model.hidden-size", 128)
KEEP = (
    *("--filters.preset", "none", "--normalize.unicode", "none", "--no-normalize.control"),
    *("--normalize.space", "none"),
)
LMKIT = (sys.executable, "-m", "lmkit")


def run(*command: object, cwd: Path | None = None) -> tuple[str, float]:
    """Run a program; return what it printed, and its seconds."""
    words, start = [str(word) for word in command], time.perf_counter()
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stderr[-2000:]}")
    return done.stdout, time.perf_counter() - start


def packed(scratch: Path, train: str, validation: str) -> Path:
    """Return lmkit's folder of the characters of two texts."""
    folder = scratch / "packed"
    if folder.exists():
        return folder
    scratch.mkdir(parents=True, exist_ok=True)
    for name, text in (("train", train), ("validation", validation)):
        (scratch / f"{name}.txt").write_text(text, "utf-8", newline="")
        run(*LMKIT, "clean", scratch / f"{name}.txt", "--output", scratch / name, *KEEP)
    options = ("--algorithm", "character", "--sentinels", "0")
    run(*LMKIT, "train-tokenizer", scratch / "train", "--output", scratch / "tokenizer", *options)
    options = ("--sequence-length", LENGTH, "--validation", scratch / "validation")
    tokenizer = ("--tokenizer", scratch / "tokenizer")
    run(*LMKIT, "pack", scratch / "train", *tokenizer, "--output", folder, *options)
    return folder


def train_lmkit(packed: Path, steps: int, batch: int, *more: object) -> dict[str, float]:
    """Train, and return the loss and the seconds."""
    output = packed.parent / "run"
    shutil.rmtree(output, ignore_errors=True)
    options = ("--steps", steps, "--batch-tokens", batch, "--validate-every", "none", *more)
    _, whole = run(*LMKIT, "pretrain", packed, "--output", output, *SHAPE, *options)
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    tokens = [0, *(line["tokens"] for line in lines)]
    seconds = sum(
        (after - before) / line["tokens_per_second"]
        for before, after, line in zip(tokens, tokens[1:], lines, strict=False)
        if line.get("tokens_per_second")
    )
    loss = json.loads((output / "manifest.json").read_text())["details"]["validation_loss"]
    return {"loss": loss, "training": seconds, "whole": whole}


def train_nanogpt(scratch: Path) -> dict[str, float]:
    """Train as documented, and return the loss and the seconds."""
    flags = [f"--{name}={value}" for name, value in DOCUMENTED.items()]
    config = scratch / "config/train_shakespeare_char.py"
    printed, whole = run(sys.executable, "train.py", config, *flags, cwd=scratch)
    times = {
        int(step): float(milliseconds) / 1000
        for step, milliseconds in re.findall(r"iter (\d+): loss \S+, time (\S+)ms", printed)
    }
    plain = [seconds for step, seconds in times.items() if step % EVALUATED]
    training = statistics.mean(plain) * len(times)
    return {"loss": loss_of_nanogpt(scratch), "training": training, "whole": whole}


@torch.no_grad()
def loss_of_nanogpt(scratch: Path) -> float:
    """Return the loss of its checkpoint on the whole validation text, in windows."""
    if str(scratch) not in sys.path:
        sys.path.insert(0, str(scratch))
    from model import GPT, GPTConfig  # pyright: ignore

    path = scratch / "out-shakespeare-char/ckpt.pt"
    saved: dict[str, Any] = torch.load(path, weights_only=True)
    model = GPT(GPTConfig(**saved["model_args"])).eval()
    model.load_state_dict(saved["model"])
    data = np.fromfile(scratch / "data/shakespeare_char/val.bin", np.uint16).astype(np.int64)
    rows = (len(data) - 1) // LENGTH
    tokens = torch.from_numpy(data)
    inputs = tokens[: rows * LENGTH].view(rows, LENGTH)
    targets = tokens[1 : rows * LENGTH + 1].view(rows, LENGTH)
    return float(model(inputs, targets)[1])


def nanogpt_folder(clone: Path, text: Path, scratch: Path) -> Path:
    """Return a copy of the clone with its data prepared."""
    folder = scratch / "nanogpt"
    if not folder.exists():
        shutil.copytree(clone, folder)
        shutil.copy(text, folder / "data/shakespeare_char/input.txt")
        prepare = folder / "data/shakespeare_char/prepare.py"
        program = "import runpy, sys; sys.modules['requests'] = sys; runpy.run_path(sys.argv[1])"
        run(sys.executable, "-c", program, prepare)  # it imports what only a download needs
    return folder


def show(name: str, found: dict[str, float]) -> None:
    """Print a run."""
    print(
        f"{name:24} {found['loss']:.4f} nats, {found['training']:6.1f} s of training, "
        f"{found['whole']:6.1f} s in all",
        flush=True,
    )


def main() -> None:
    """Train both in turn, or tune."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("nanogpt", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch-tokens", type=int, default=1536)
    parser.add_argument("--tune", default="")
    typed, more = parser.parse_known_args()
    scratch, text = typed.scratch.resolve(), typed.text.read_text("utf-8")
    scratch.mkdir(parents=True, exist_ok=True)
    at = [int(len(text) * fraction) for fraction in (0.8, 0.9)]
    if typed.tune:
        folder = packed(scratch / "tuned", text[: at[0]], text[at[0] : at[1]])
        for setting in typed.tune.split(","):
            steps, batch = map(int, setting.split("x"))
            show(setting, train_lmkit(folder, steps, batch, *more))
        return
    folder = packed(scratch / "reported", text[: at[1]], text[at[1] :])
    peer = nanogpt_folder(typed.nanogpt.resolve(), typed.text, scratch)
    found: dict[str, list[dict[str, float]]] = {"nanoGPT": [], "lmkit": []}
    for _ in range(typed.rounds):
        found["nanoGPT"].append(train_nanogpt(peer))
        show("nanoGPT", found["nanoGPT"][-1])
        found["lmkit"].append(train_lmkit(folder, typed.steps, typed.batch_tokens, *more))
        show("lmkit", found["lmkit"][-1])
    for part in ("training", "whole"):
        ours, theirs = (
            statistics.median(run[part] for run in found[name]) for name in ("lmkit", "nanoGPT")
        )
        print(f"{part}: 1/{theirs / ours:.2f} of nanoGPT's time")


if __name__ == "__main__":
    main()
