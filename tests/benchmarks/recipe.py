"""Which ingredients of a recipe lower the loss after few steps, and at which learning rate?

    python tests/benchmarks/recipe.py PACKED SCRATCH [--sizes 4x128,6x256] [--only NAME,...]
        [--rates 0.005,0.01,0.02] [--steps 300] [--batch-tokens 4096] [--seeds 0]

PACKED is a packed folder with validation sequences. Each ingredient is trained with each rate, by
`lmkit pretrain` itself, and the loss on the validation sequences after the last step is kept in
SCRATCH/results.jsonl. What is there isn't trained again, so several sittings make one table. It is
printed as Markdown, with the best rate of each ingredient in bold.

What the defaults are tuned on isn't what they are reported on: PACKED should have other documents
than those that `steps_to_loss.py` gets.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

ADAMW = ("--optim.algorithm", "adamw")
MUON = ("--optim.algorithm", "muon", "--optim.rest-lr-factor", "1")
TO_ZERO = ("--schedule.kind", "linear", "--schedule.final-lr-fraction", "0")
ZERO_OUTPUTS = ("--model.initialization", "zero-outputs")
INGREDIENTS: dict[str, tuple[str, ...]] = {
    "adamw": ADAMW,
    "muon": MUON,
    "muon, rest x 0.3": (*MUON, "--optim.rest-lr-factor", "0.3"),
    "muon, rest x 3": (*MUON, "--optim.rest-lr-factor", "3"),
    "muon, rest x 10": (*MUON, "--optim.rest-lr-factor", "10"),
    "muon, rest x 10, qk-norm": (*MUON, "--optim.rest-lr-factor", "10", "--model.qk-norm"),
    "muon, rest x 3, qk-norm": (*MUON, "--optim.rest-lr-factor", "3", "--model.qk-norm"),
    "muon, zero outputs": (*MUON, *ZERO_OUTPUTS),
    "muon, qk-norm": (*MUON, "--model.qk-norm"),
    "muon, relu2": (*MUON, "--model.activation", "relu2"),
    "muon, untied": (*MUON, "--no-model.tie-embeddings"),
    "muon, linear to zero": (*MUON, *TO_ZERO),
    "muon, short warm-up": (*MUON, "--schedule.warmup-steps", "20"),
    "muon, wsd to zero": (
        *(*MUON, "--schedule.kind", "wsd", "--schedule.decay-fraction", "0.6"),
        *("--schedule.final-lr-fraction", "0"),
    ),
    "adamw, linear to zero": (*ADAMW, *TO_ZERO),
    "muon, no decay": (*MUON, "--optim.weight-decay", "0"),
    "all": (*MUON, *TO_ZERO, *ZERO_OUTPUTS, "--model.qk-norm"),
}
OBJECTIVES = {
    "decoder": ("--model.architecture", "decoder"),
    "encoder": ("--model.architecture", "encoder"),
    "encoder-decoder": ("--model.architecture", "encoder-decoder"),
}


def shape_flags(size: str) -> tuple[str, ...]:
    """Return the flags of a shape that is written as LAYERSxWIDTH; heads are 64 wide, or four."""
    layers, width = map(int, size.split("x"))
    heads = max(4, width // 64)
    return (
        *("--model.layers", str(layers), "--model.hidden-size", str(width)),
        *("--model.heads", str(heads)),
    )


def train(packed: Path, output: Path, flags: tuple[str, ...]) -> float:
    """Train a run; return its loss on the validation sequences."""
    shutil.rmtree(output, ignore_errors=True)
    command = [
        *(sys.executable, "-m", "lmkit", "pretrain", str(packed), "--output", str(output)),
        *("--validate-every", "none", "--save-every", "none", "--log-every", "100", *flags),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    details = json.loads((output / "manifest.json").read_text())["details"]
    shutil.rmtree(output)
    loss = details["validation_loss"]
    return float("nan") if loss is None else float(loss)


class Results:
    """The losses of all sittings, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.losses = {tuple(key): loss for key, loss in map(json.loads, lines)}

    def add(self, key: tuple[object, ...], loss: float) -> None:
        """Keep a loss."""
        self.losses[key] = loss
        with self._path.open("a") as file:
            file.write(json.dumps([key, loss]) + "\n")


def table(results: Results, keys: list[tuple[object, ...]]) -> str:
    """Return the losses as Markdown: an ingredient and a size a row, a rate a column."""
    rates = sorted({float(str(key[2])) for key in keys})
    lines = [
        "| | size | " + " | ".join(f"{rate:g}" for rate in rates) + " |",
        "| --- | --- |" + " --- |" * len(rates),
    ]
    for row in dict.fromkeys((*key[:2], *key[3:]) for key in keys):
        name, size, *rest = row
        found = [results.losses.get((name, size, rate, *rest)) for rate in rates]
        best = min((loss for loss in found if loss is not None), default=0.0)
        cells = ("" if x is None else f"**{x:.3f}**" if x == best else f"{x:.3f}" for x in found)
        lines.append(f"| {name} | {size}, seed {rest[-1]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train what isn't trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--sizes", default="4x128,6x256")
    parser.add_argument("--only", default=",".join(INGREDIENTS).replace(", ", "; "))
    parser.add_argument("--rates", default="0.005,0.01,0.02")
    parser.add_argument("--architecture", default="decoder", choices=OBJECTIVES)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--seeds", default="0")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    results = Results(options.scratch / "results.jsonl")
    names = [name.replace(";", ",") for name in options.only.split(",")]
    keys: list[tuple[object, ...]] = []
    for name in names:
        for size in options.sizes.split(","):
            for seed in map(int, options.seeds.split(",")):
                for rate in map(float, options.rates.split(",")):
                    setting = (options.architecture, options.steps, options.batch_tokens, seed)
                    keys.append((name, size, rate, *setting))
    for key in keys:
        if key in results.losses:
            continue
        name, size, rate, architecture, steps, batch_tokens, seed = key
        flags = (
            *("--no-model.qk-norm", *INGREDIENTS[str(name)]),
            *(*shape_flags(str(size)), *OBJECTIVES[str(architecture)]),
            *("--optim.lr", str(rate), "--steps", str(steps), "--seed", str(seed)),
            *("--batch-tokens", str(batch_tokens)),
        )
        results.add(key, train(options.packed, options.scratch / "run", flags))
        print(*key, f"{results.losses[key]:.4f}", file=sys.stderr, flush=True)
    print(table(results, keys))


if __name__ == "__main__":
    main()
