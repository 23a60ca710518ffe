"""Does training work on a GPU as on a CPU, and how fast is it there? For one GPU, in 8 minutes.

    python tests/benchmarks/gpu.py SCRATCH [--device cuda] [--minutes 8] [--small]

Everything runs through the command, on tokens that are made here. Printed, and written to
SCRATCH/measured.json, part by part, in this order; what there is no time for is named:

    numerics      the losses of 30 steps in fp32 and in bf16, against those of the CPU in fp32
    resume        a run that was stopped and resumed against one that wasn't: equal weights?
    fp16          the losses of 60 steps with a loss scale, and the steps that it skipped
    micro-batch   what --micro-batch auto chose, and that it fits
    speed         tokens per second, MFU and peak memory of gpt2-small, llama-120m and llama-1b at
                  1,024 and 4,096 tokens, one document a sequence and many, in the median step

`--small` takes tiny models, so that the script itself can be tried on a CPU (--device cpu).
"""

import argparse
import hashlib
import json
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TINY = (
    *("--model.preset", "tiny-decoder", "--batch-tokens", "4096", "--validate-every", "none"),
    *("--optim.algorithm", "adamw", "--optim.lr", "1e-3"),  # muon enlarges rounding
)
MODELS = {
    "gpt2-small": (("--model.preset", "gpt2-small", "--model.max-positions", "4096"), 2**18),
    "llama-120m": (("--model.preset", "llama-120m"), 2**18),
    "llama-1b": (("--model.preset", "llama-1b"), 2**17),
}
"""Options and the tokens of a step."""
SMALL_MODELS = {"tiny-decoder": (("--model.preset", "tiny-decoder"), 2**13)}
LENGTHS, SMALL_LENGTHS = (1024, 4096), (64, 128)
WORDS = 4_000
SPEED_STEPS = 25
SKIPPED_STEPS = 10
"""First steps of a run that are not timed: the first compiles."""


class FailedError(Exception):
    """A command that failed, with the end of what it printed."""


def lmkit(*arguments: object, expect: int = 0) -> str:
    """Run a command; return what it printed."""
    command = [sys.executable, "-m", "lmkit", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != expect:
        raise FailedError(f"lmkit {arguments[0]}: exit {done.returncode}: {done.stderr[-800:]}")
    return done.stdout + done.stderr


def make_data(scratch: Path, lengths: tuple[int, ...], tokens: int) -> None:
    """Pack random words, once as one long document and once as many short ones."""
    generator = random.Random(1)
    words = [
        "".join(generator.choices("abcdefghij", k=generator.randint(2, 7))) for _ in range(WORDS)
    ]

    def text(count: int) -> str:
        return " ".join(generator.choices(words, k=count))

    for name, size in (("long", tokens // 2), ("short", 150)):
        with (scratch / f"{name}.jsonl").open("w") as file:
            for number in range(max(1, tokens // (2 * size))):
                file.write(json.dumps({"id": str(number), "text": text(size)}) + "\n")
    lmkit(
        "train-tokenizer", scratch / "short.jsonl", "--output", scratch / "tokenizer",
        "--vocab-size", 8192,
    )  # fmt: skip
    for name in ("long", "short"):
        for length in lengths:
            lmkit(
                "pack", scratch / f"{name}.jsonl", "--tokenizer", scratch / "tokenizer",
                "--validation", 0, "--sequence-length", length,
                "--output", packed(scratch, name, length),
            )  # fmt: skip


def packed(scratch: Path, name: str, length: int) -> Path:
    """Return the folder of packed tokens."""
    return scratch / f"{name}-{length}"


def steps_of(run: Path) -> list[dict[str, Any]]:
    """Return the records of the steps of a run."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def losses(run: Path) -> list[float]:
    """Return the loss of each step."""
    return [row["loss"] for row in steps_of(run)]


def largest_difference(one: list[float], other: list[float]) -> float:
    """Return the largest relative difference of two curves."""
    return max(abs(a / b - 1) for a, b in zip(one, other, strict=True))


def weights(run: Path) -> str:
    """Return the SHA-256 of the last weights."""
    last = max((run / "checkpoints").glob("step-*"))
    return hashlib.sha256((last / "model.safetensors").read_bytes()).hexdigest()


def numerics(scratch: Path, device: str, data: Path) -> dict[str, Any]:
    """Compare losses with those of the CPU."""
    runs = {"cpu-fp32": ("cpu", "fp32"), "fp32": (device, "fp32"), "bf16": (device, "bf16")}
    for name, (where, precision) in runs.items():
        lmkit(
            "pretrain", data, "--output", scratch / name, *TINY, "--steps", 30, "--device", where,
            "--precision", precision, "--schedule.warmup-steps", 5,
        )  # fmt: skip
    expected = losses(scratch / "cpu-fp32")
    return {name: largest_difference(losses(scratch / name), expected) for name in ("fp32", "bf16")}


def resume(scratch: Path, device: str, data: Path) -> dict[str, Any]:
    """Stop and resume, eager and compiled."""
    found: dict[str, Any] = {}
    for compiled in ("no", "yes"):
        options = (
            *TINY, "--device", device, "--compile", compiled, "--save-every", 10,
            "--schedule.decay-steps", 20, "--schedule.warmup-steps", 5,
        )  # fmt: skip
        whole, parts = scratch / f"whole-{compiled}", scratch / f"parts-{compiled}"
        lmkit("pretrain", data, "--output", whole, *options, "--steps", 20)
        for steps in (10, 20):
            lmkit("pretrain", data, "--output", parts, *options, "--steps", steps)
        found[f"equal weights, compiled: {compiled}"] = weights(whole) == weights(parts)
    return found


def fp16(scratch: Path, device: str, data: Path) -> dict[str, Any]:
    """Train with a loss scale."""
    out = scratch / "fp16"
    lmkit(
        "pretrain", data, "--output", out, *TINY, "--steps", 60, "--device", device,
        "--precision", "fp16", "--schedule.warmup-steps", 5,
    )  # fmt: skip
    details = json.loads((out / "manifest.json").read_text())["details"]
    return {"last loss": losses(out)[-1], "skipped steps": details["skipped_steps"]}


def micro_batch(scratch: Path, device: str, data: Path) -> dict[str, Any]:
    """Let it be chosen."""
    out = scratch / "auto"
    lmkit(
        "pretrain", data, "--output", out, *TINY, "--steps", 5, "--device", device,
        "--micro-batch", "auto",
    )  # fmt: skip
    return {"sequences": json.loads((out / "resolved.json").read_text())["micro_batch"]}


def speed(scratch: Path, device: str, data: Path, model: str, small: bool) -> dict[str, Any]:
    """Measure the steps of a model."""
    options, tokens = (SMALL_MODELS if small else MODELS)[model]
    out = scratch / f"speed-{model}-{data.name}"
    shutil.rmtree(out, ignore_errors=True)
    lmkit(
        "pretrain", data, "--output", out, *options, "--batch-tokens", tokens, "--steps",
        SPEED_STEPS, "--device", device, "--compile", "yes", "--micro-batch", "auto",
        "--validate-every", "none", "--save-every", "none", "--log-every", 1,
    )  # fmt: skip
    rows = steps_of(out)[SKIPPED_STEPS:]
    shutil.rmtree(out)  # a checkpoint of llama-1b has 15 GB

    def median(key: str) -> float | None:
        values = [row[key] for row in rows if row.get(key) is not None]
        return statistics.median(values) if values else None

    return {
        "tokens per second": median("tokens_per_second"),
        "MFU": median("mfu"),
        "peak memory in GB": max(row.get("memory_bytes") or 0 for row in rows) / 1e9,
    }


def main() -> None:
    """Run the parts until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--small", action="store_true")
    typed = parser.parse_args()
    scratch, device, end = typed.scratch, typed.device, time.monotonic() + 60 * typed.minutes
    scratch.mkdir(parents=True, exist_ok=True)
    lengths = SMALL_LENGTHS if typed.small else LENGTHS
    make_data(scratch, lengths, 200_000 if typed.small else 3_000_000)
    tiny = packed(scratch, "short", lengths[0])
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        part.__name__: lambda part=part: part(scratch, device, tiny)
        for part in (numerics, resume, fp16, micro_batch)
    }
    for model in SMALL_MODELS if typed.small else MODELS:
        for length in lengths:
            for name in ("long", "short"):
                data = packed(scratch, name, length)
                parts[f"{model}, {length:,} tokens, {name} documents"] = (
                    lambda data=data, model=model: speed(scratch, device, data, model, typed.small)
                )
    found: dict[str, Any] = {}
    for name, part in parts.items():
        start = time.monotonic()
        if start > end:
            found[name] = "no time left"
        else:
            try:
                found[name] = part() | {"seconds": round(time.monotonic() - start, 1)}
            except FailedError as error:
                found[name] = f"failed: {error}"
        print(f"{name}: {found[name]}", flush=True)
        (scratch / "measured.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
