"""Training speed on a CPU: lmkit's command against nanoGPT's train.py, in turn.

    python tests/benchmarks/against_nanogpt.py NANOGPT TEXT SCRATCH [--shape medium|small]
        [--rounds 3] [--steps 60] [--only NAME,...]

NANOGPT is a clone of its repository, TEXT one long plain text. Both train the same number of
parameters with AdamW on the same tokens, in a process of their own; the time of a step is the
median of those after the tenth, as each program reports it. Medians over the rounds are printed,
with the ratio to nanoGPT as it comes.

    nanogpt               train.py as it comes on a CPU: fp32, with this vocabulary
    nanogpt-compile       the same with --compile: the fastest without matrix units for bf16
    nanogpt-bf16-compile  the same with autocast to bf16, which it has on GPUs only, and --compile
    gelu, swiglu, relu2   lmkit with this activation, as its command starts by itself
    ...-compiled          the same with --compile yes, as long runs do by themselves

    medium    6 blocks of 384, 8,192 tokens in the vocabulary, 16 sequences of 256
    small     4 blocks of 128, 12 sequences of 64, also nanoGPT's own size for a laptop
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

SHAPES = {  # layers, heads, width, vocabulary, sequences, tokens of a sequence
    "medium": (6, 6, 384, 8192, 16, 256),
    "small": (4, 4, 128, 640, 12, 64),
}
PLAIN = ("--model.position", "learned", "--model.norm", "layernorm")
ACTIVATIONS = ("gelu", "swiglu", "relu2")
FIRST_TIMED = 10
NO_VOCABULARY = "meta_vocab_size = None"
"""Else it takes GPT-2's 50,304 tokens; its own data sets have a pickle that says how many."""
CPU_CONTEXT = "ctx = nullcontext() if device_type == 'cpu' else "


def run(*command: object, cwd: Path | None = None, **environment: str) -> str:
    """Run a program; return what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr[-1000:]}")
    return done.stdout


def prepare(nanogpt: Path, text: Path, scratch: Path, shape: str) -> Path:
    """Write the tokens for both; return lmkit's folder of them."""
    *_, vocabulary, _, length = SHAPES[shape]
    folder = scratch / shape
    packed = folder / "packed"
    if (folder / "data").exists():
        return packed
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    content = text.read_text("utf-8")
    documents, held_out = folder / "train.jsonl", folder / "val.jsonl"
    for path, part in ((documents, content[:-50_000]), (held_out, content[-50_000:])):
        path.write_text(json.dumps({"id": path.stem, "text": part}) + "\n")
    lmkit = (sys.executable, "-m", "lmkit")
    tokenizer = folder / "tokenizer"
    run(*lmkit, "train-tokenizer", documents, "--output", tokenizer, "--vocab-size", vocabulary)
    options = ("--sequence-length", length, "--no-bos", "--no-eos", "--validation", held_out)
    run(*lmkit, "pack", documents, "--tokenizer", tokenizer, "--output", packed, *options)
    run(*lmkit, "export", packed, "--output", folder / "data" / "text", "--separator", "none")
    shutil.copy(nanogpt / "configurator.py", folder)
    program = (nanogpt / "train.py").read_text()
    assert CPU_CONTEXT in program and NO_VOCABULARY in program
    program = program.replace(NO_VOCABULARY, f"meta_vocab_size = {vocabulary}")
    (folder / "train_fp32.py").write_text(program)
    (folder / "train_bf16.py").write_text(program.replace(CPU_CONTEXT, "ctx = "))
    return packed


def nanogpt_step(nanogpt: Path, folder: Path, shape: str, steps: int, variant: str) -> float:
    """Return the seconds of a step of nanoGPT."""
    layers, heads, width, _, sequences, length = SHAPES[shape]
    bf16, compiled = "bf16" in variant, "compile" in variant
    program = folder / ("train_bf16.py" if bf16 else "train_fp32.py")
    settings = {
        **{"n_layer": layers, "n_head": heads, "n_embd": width, "block_size": length},
        **{"batch_size": sequences, "gradient_accumulation_steps": 1, "dataset": "text"},
        **{"device": "cpu", "dtype": "bfloat16" if bf16 else "float32", "compile": compiled},
        **{"eval_iters": 1, "eval_interval": 10**6, "max_iters": steps, "out_dir": "out"},
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    printed = run(sys.executable, program, *flags, cwd=folder, PYTHONPATH=str(nanogpt))
    times = [float(each) / 1000 for each in re.findall(r"^iter .*time ([\d.]+)ms", printed, re.M)]
    return statistics.median(times[FIRST_TIMED:])


def lmkit_step(packed: Path, folder: Path, shape: str, steps: int, variant: str) -> float:
    """Return the seconds of a step of lmkit."""
    layers, heads, width, _, sequences, length = SHAPES[shape]
    activation, _, compiled = variant.partition("-")
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    run(
        *(sys.executable, "-m", "lmkit", "pretrain", packed, "--output", out, "--device", "cpu"),
        *("--model.layers", layers, "--model.hidden-size", width, "--model.heads", heads),
        *(*PLAIN, "--model.max-positions", length, "--model.activation", activation),
        *("--batch-tokens", sequences * length, "--micro-batch", sequences, "--steps", steps),
        *("--validate-every", "none", "--save-every", "none", "--optim.algorithm", "adamw"),
        *(("--compile", "yes") if compiled else ()),
    )
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    tokens = sequences * length
    return statistics.median(tokens / row["tokens_per_second"] for row in rows[FIRST_TIMED:])


def main() -> None:
    """Measure in turn, and print after each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nanogpt", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="medium")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--only", default="", help="names, with commas; nanogpt is always run")
    typed = parser.parse_args()
    nanogpt, scratch = typed.nanogpt.resolve(), typed.scratch.resolve()
    packed, folder = prepare(nanogpt, typed.text, scratch, typed.shape), scratch / typed.shape
    variants = ["nanogpt", "nanogpt-compile", "nanogpt-bf16-compile"]
    variants += [name for each in ACTIVATIONS for name in (each, f"{each}-compiled")]
    chosen = {"nanogpt", *typed.only.split(",")} if typed.only else set(variants)
    times: dict[str, list[float]] = {name: [] for name in variants if name in chosen}
    for number in range(typed.rounds):
        for name, seconds in times.items():
            if name.startswith("nanogpt"):
                found = nanogpt_step(nanogpt, folder, typed.shape, typed.steps, name)
            else:
                found = lmkit_step(packed, folder, typed.shape, typed.steps, name)
            seconds.append(found)
            print(f"round {number + 1}: {name} {1000 * found:.1f} ms", flush=True)
    base = statistics.median(times["nanogpt"])
    tokens = SHAPES[typed.shape][4] * SHAPES[typed.shape][5]
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"{name:22} {tokens / middle:8,.0f} tokens/s  {base / middle:.2f} x")


if __name__ == "__main__":
    main()
