"""Does lmkit's training give the losses of nanoGPT's, from the same weights and batches?

    python tests/benchmarks/nanogpt_losses.py NANOGPT TEXT SCRATCH [STEPS]

NANOGPT is a clone of its repository, TEXT one long plain text. nanoGPT's train.py runs unchanged,
on a CPU in fp32, with two things replaced: lmkit's initial weights, and the offsets of its
batches. Prints the largest difference of the losses.
"""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lmkit.artifacts.finished_folders import finished_manifest
from lmkit.huggingface.decoders import GPT2
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training.data.sequence_order import rows_at

TIME, BATCH, LR, WARMUP, FINAL = 64, 8, 6e-4, 20, 0.1
SHAPE = {"layers": 4, "hidden_size": 128, "heads": 4}
LIKE_GPT2 = {
    "position": "learned",
    "max_positions": TIME,
    "norm": "layernorm",
    "activation": "gelu",
    "biases": True,
}


def lmkit(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "lmkit", *map(str, arguments)], check=True)


def prepare(text: Path, scratch: Path) -> Path:
    """Pack the text as one document, so that a sequence is a range of nanoGPT's token file."""
    content = text.read_text("utf-8")
    split_at = len(content) * 9 // 10
    scratch.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", content[:split_at]), ("val", content[split_at:])):
        (scratch / f"{name}.jsonl").write_text(json.dumps({"id": name, "text": part}) + "\n")
    train, packed = scratch / "train.jsonl", scratch / "packed"
    tokenizer = scratch / "tokenizer"
    lmkit("train-tokenizer", train, "--output", tokenizer, "--vocab-size", 1024)
    rows = ["--sequence-length", TIME, "--no-bos", "--no-eos"]
    held_out = ["--validation", scratch / "val.jsonl"]
    lmkit("pack", train, "--tokenizer", tokenizer, "--output", packed, *rows, *held_out)
    lmkit("export", packed, "--output", scratch / "data" / "text", "--separator", "none")
    return packed


def options(steps: int, seed: int) -> list[object]:
    as_typed: list[object] = ["--device", "cpu", "--precision", "fp32", "--seed", seed]
    as_typed += ["--steps", steps, "--batch-tokens", BATCH * TIME, "--validate-every", "none"]
    as_typed += ["--optim.algorithm", "adamw", "--optim.lr", LR, "--schedule.warmup-steps", WARMUP]
    as_typed += ["--schedule.final-lr-fraction", FINAL]
    for name, value in (SHAPE | LIKE_GPT2).items():
        flag = "--model." + name.replace("_", "-")
        as_typed += [flag] if value is True else [flag, value]
    return as_typed


def nanogpt_losses(
    nanogpt: Path,
    scratch: Path,
    weights: dict[str, torch.Tensor],
    starts: Iterator[torch.Tensor],
    steps: int,
) -> list[float]:
    """Run its train.py, and return the loss of each training forward pass."""
    sys.path.insert(0, str(nanogpt))
    import model as nanogpt_model  # pyright: ignore[reportMissingImports]

    losses: list[float] = []
    state = {"training": True}

    class Filled(nanogpt_model.GPT):  # pyright: ignore
        def __init__(self, config: Any) -> None:
            config.vocab_size = weights["transformer.wte.weight"].shape[0]
            super().__init__(config)
            missing, unexpected = self.load_state_dict(weights, strict=False)
            assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)

        def train(self, mode: bool = True) -> Any:
            state["training"] = mode
            return super().train(mode)

        def forward(self, *arguments: Any) -> Any:
            logits, loss = super().forward(*arguments)
            if state["training"]:
                losses.append(loss.item())
            return logits, loss

    original_randint = torch.randint

    def randint(*arguments: Any, **named: Any) -> torch.Tensor:
        return next(starts) if state["training"] else original_randint(*arguments, **named)

    real, nanogpt_model.GPT, torch.randint = nanogpt_model.GPT, Filled, randint
    home = Path.cwd()
    shape = {"n_layer": SHAPE["layers"], "n_head": SHAPE["heads"], "n_embd": SHAPE["hidden_size"]}
    settings = {
        **shape,
        "block_size": TIME,
        "batch_size": BATCH,
        "bias": True,
        "dataset": "text",
        "gradient_accumulation_steps": 1,
        "device": "cpu",
        "dtype": "float32",
        "compile": False,
        # Its steps count from 0, and its warm-up has one more part.
        "warmup_iters": WARMUP - 1,
        "lr_decay_iters": steps - 1,
        "min_lr": LR * FINAL,
        "learning_rate": LR,
        "eval_iters": 1,
        "eval_interval": 10**6,
        "out_dir": str(scratch / "nanogpt-out"),
    }
    try:
        os.chdir(scratch)
        (scratch / "configurator.py").write_text((nanogpt / "configurator.py").read_text())
        sys.argv = ["train.py", *(f"--{key}={value}" for key, value in settings.items())]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(StopIteration):
            runpy.run_path(str(nanogpt / "train.py"), run_name="__main__")
    finally:
        os.chdir(home)
        nanogpt_model.GPT, torch.randint = real, original_randint
    return losses


def main(nanogpt: Path, text: Path, scratch: Path, steps: int = 100) -> None:
    packed = scratch / "packed"
    if not (packed / "manifest.json").exists():
        prepare(text, scratch)
    manifest = finished_manifest(packed)
    assert manifest
    rows, size = manifest.details["train"]["rows"], manifest.details["vocabulary_size"]

    def batches(seed: int) -> list[np.ndarray]:
        return [rows_at(seed, (step - 1) * BATCH, BATCH, rows) for step in range(1, steps + 1)]

    # The last sequence may be padded, which nanoGPT doesn't support.
    seed = next(seed for seed in range(1000) if rows - 1 not in np.concatenate(batches(seed)))
    lmkit("pretrain", packed, "--output", scratch / "run", "--overwrite", *options(steps, seed))
    lines = (scratch / "run" / "metrics.jsonl").read_text().splitlines()
    lmkit_losses = [json.loads(line)["loss"] for line in lines]

    config = ModelConfig.model_validate(SHAPE | LIKE_GPT2)
    model = Transformer(config, size, seed=seed)
    known = dict(model.named_parameters())
    rules = [rule._replace(transposed=False) for rule in GPT2.rules(config, known)]
    weights = {
        rule.hf_name: torch.cat([known[name] for name in rule.lmkit_names]).detach()
        for rule in rules
    }
    starts = (torch.from_numpy(batch * TIME) for batch in batches(seed))
    nanogpt_model = nanogpt_losses(nanogpt.resolve(), scratch.resolve(), weights, starts, steps)
    assert len(nanogpt_model) >= steps - 1, len(nanogpt_model)
    differences = [abs(a - b) for a, b in zip(lmkit_losses, nanogpt_model, strict=False)]
    print(
        f"{len(differences)} steps: loss {lmkit_losses[0]:.4f} to "
        f"{lmkit_losses[len(differences) - 1]:.4f}; nanoGPT's "
        f"{nanogpt_model[0]:.4f} to {nanogpt_model[-1]:.4f}; at most {max(differences):.1e} apart"
    )


if __name__ == "__main__":
    nanogpt, text, scratch, *rest = sys.argv[1:]
    main(Path(nanogpt), Path(text), Path(scratch), *map(int, rest))
