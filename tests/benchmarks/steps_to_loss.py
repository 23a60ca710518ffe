"""How many steps does lmkit's default need for the loss at which nanoGPT ends?

    python tests/benchmarks/steps_to_loss.py NANOGPT DOCUMENTS SCRATCH [--steps 1000]
        [--rates 6e-4,1e-3,2e-3,4e-3] [--seeds 0,1] [--fractions 0.35,1] [--precision fp32]

NANOGPT is a clone of its repository, DOCUMENTS a folder that `lmkit clean` wrote. Both train 6
blocks of 384 with 8,192 tokens in the vocabulary on batches of 16 sequences of 256: nanoGPT with
torch.compile and in bf16 (or fp32, where a CPU has no units for bf16), at the best of the rates in
runs of 300 steps; lmkit as its command starts by itself, with no option of training but the number
of steps. The loss is that on all held-out documents, in windows of 256. Prints each run with its
loss and its wall time, the whole command. What is in SCRATCH/results.jsonl isn't trained again.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

LAYERS, HEADS, WIDTH, VOCABULARY, SEQUENCES, LENGTH = 6, 6, 384, 8192, 16, 256
NO_VOCABULARY = "meta_vocab_size = None"
CPU_CONTEXT = "ctx = nullcontext() if device_type == 'cpu' else "
SEED = "torch.manual_seed(1337 + seed_offset)"
LMKIT = (sys.executable, "-m", "lmkit")
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def run(*command: object, cwd: Path | None = None, path: str = "") -> float:
    """Run a program; return its seconds."""
    start = time.perf_counter()
    words = [str(word) for word in command]
    environment = os.environ | ({"PYTHONPATH": path} if path else {})
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stderr[-2000:]}")
    return time.perf_counter() - start


def prepare(nanogpt: Path, documents: Path, scratch: Path) -> Path:
    """Write the tokens for both; return lmkit's folder of them."""
    packed, tokenizer = scratch / "packed", scratch / "tokenizer"
    if (scratch / "train.py").exists():
        return packed
    run(*LMKIT, "train-tokenizer", documents, "--output", tokenizer, "--vocab-size", VOCABULARY)
    options = ("--sequence-length", LENGTH, "--no-bos", "--no-eos", "--validation", "0.02")
    run(*LMKIT, "pack", documents, "--tokenizer", tokenizer, "--output", packed, *options)
    run(*LMKIT, "export", packed, "--output", scratch / "data" / "text", "--separator", "none")
    for name in ("configurator.py", "model.py"):
        shutil.copy(nanogpt / name, scratch)
    program = (nanogpt / "train.py").read_text()
    assert CPU_CONTEXT in program and NO_VOCABULARY in program and SEED in program
    for old, new in (
        (NO_VOCABULARY, f"meta_vocab_size = {VOCABULARY}"),
        (CPU_CONTEXT, "ctx = "),
        (SEED, "torch.manual_seed(int(__import__('os').environ['RUN_SEED']))"),
    ):
        program = program.replace(old, new)
    (scratch / "train.py").write_text(program)
    return packed


def train_nanogpt(
    scratch: Path, rate: float, steps: int, seed: int, precision: str
) -> tuple[float, float]:
    """Return the loss of nanoGPT, and its seconds."""
    os.environ["RUN_SEED"] = str(1337 + seed)
    settings = {
        **{"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "block_size": LENGTH},
        **{"batch_size": SEQUENCES, "gradient_accumulation_steps": 1, "dataset": "text"},
        **{"device": "cpu", "dtype": str(DTYPES[precision]).removeprefix("torch.")},
        **{"compile": True, "learning_rate": rate},
        **{"warmup_iters": min(100, steps // 3), "lr_decay_iters": steps, "min_lr": rate / 10},
        **{"eval_iters": 1, "eval_interval": steps, "max_iters": steps, "out_dir": "out"},
        "always_save_checkpoint": True,
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    seconds = run(sys.executable, scratch / "train.py", *flags, cwd=scratch, path=str(scratch))
    return loss_of_nanogpt(scratch, precision), seconds


@torch.no_grad()
def loss_of_nanogpt(scratch: Path, precision: str) -> float:
    """Return the loss of its checkpoint on all held-out tokens, in nats a token."""
    sys.path.insert(0, str(scratch))
    from model import GPT, GPTConfig  # pyright: ignore

    saved: dict[str, Any] = torch.load(scratch / "out/ckpt.pt", weights_only=True)
    model = GPT(GPTConfig(**saved["model_args"])).eval()
    prefix = "_orig_mod."
    model.load_state_dict({name.removeprefix(prefix): x for name, x in saved["model"].items()})
    tokens = torch.from_numpy(
        np.fromfile(scratch / "data/text/val.bin", np.uint16).astype(np.int64)
    )
    rows = (len(tokens) - 1) // LENGTH
    inputs = tokens[: rows * LENGTH].view(rows, LENGTH)
    targets = tokens[1 : rows * LENGTH + 1].view(rows, LENGTH)
    total = 0.0
    for first in range(0, rows, SEQUENCES):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            _, loss = model(inputs[first : first + SEQUENCES], targets[first : first + SEQUENCES])
        total += loss.item() * len(inputs[first : first + SEQUENCES])
    return total / rows


def train_lmkit(packed: Path, out: Path, steps: int, seed: int, *more: str) -> tuple[float, float]:
    """Return the loss of lmkit, and its seconds."""
    shutil.rmtree(out, ignore_errors=True)
    seconds = run(
        *(*LMKIT, "pretrain", packed, "--output", out, "--steps", steps, "--seed", seed),
        *("--model.layers", LAYERS, "--model.heads", HEADS, "--model.hidden-size", WIDTH),
        *("--batch-tokens", SEQUENCES * LENGTH, *more),
    )
    return json.loads((out / "manifest.json").read_text())["details"]["validation_loss"], seconds


def main() -> None:
    """Train what isn't trained yet; print each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("nanogpt", type=Path)
    parser.add_argument("documents", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rates", default="6e-4,1e-3,2e-3,4e-3")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--fractions", default="0.35,1")
    parser.add_argument("--precision", choices=DTYPES, default="bf16", help="that of nanoGPT")
    typed = parser.parse_args()
    scratch = typed.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    packed = prepare(typed.nanogpt.resolve(), typed.documents.resolve(), scratch)
    path = scratch / "results.jsonl"
    known = {}
    if path.exists():
        known = {tuple(key): value for key, value in map(json.loads, path.read_text().splitlines())}

    def measured(*key: Any) -> float:
        if key not in known:
            name, rate, steps, seed = key
            known[key] = (
                train_lmkit(packed, scratch / "run", steps, seed)
                if name == "lmkit"
                else train_nanogpt(scratch, rate, steps, seed, typed.precision)
            )
            with path.open("a") as file:
                file.write(json.dumps([key, known[key]]) + "\n")
        loss, seconds = known[key]
        print(*key, f"{loss:.4f} nats, {seconds:.0f} s", flush=True)
        return float(loss)

    peer = "nanoGPT" + " fp32" * (typed.precision == "fp32")
    rates = [float(rate) for rate in typed.rates.split(",")]
    best = min(rates, key=lambda rate: measured(peer, rate, min(300, typed.steps), 0))
    for seed in map(int, typed.seeds.split(",")):
        theirs = measured(peer, best, typed.steps, seed)
        for fraction in map(float, typed.fractions.split(",")):
            ours = measured("lmkit", 0.0, math.ceil(fraction * typed.steps), seed)
            print(f"  after {fraction:g} of the steps: {1 - ours / theirs:+.1%} lower")


if __name__ == "__main__":
    main()
