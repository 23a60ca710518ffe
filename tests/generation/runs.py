"""Short runs of each kind, and generation without a cache, to compare with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lmkit.training.checkpoints.trained_model import TrainedModel, open_run
from tests.conftest import Lmkit

SMALL = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256", "--steps", "3")
XLNET = ("--model.architecture", "encoder", "--model.position", "transformer-xl")
XLNET += ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "2")
T5 = ("--model.preset", "tiny-encoder-decoder", "--objective", "span-corruption")
LEARNED_POSITIONS = ("--model.layers", "1", "--model.hidden-size", "32", "--model.heads", "2")
LEARNED_POSITIONS += ("--model.position", "learned", "--model.max-positions", "80")
KINDS: dict[str, tuple[str, ...]] = {
    "clm": ("--model.preset", "tiny-decoder"),
    "learned": LEARNED_POSITIONS,
    "fim": ("--model.preset", "tiny-decoder", "--fim.rate", "0.9"),
    "spm": ("--model.preset", "tiny-decoder", "--fim.rate", "0.9", "--fim.spm-rate", "1"),
    "mlm": ("--model.preset", "tiny-encoder", "--objective", "mlm"),
    "plm": (*XLNET, "--objective", "plm"),
    "t5": T5,
    "bart": (*T5, "--span.style", "bart"),
    "t5-learned": (
        *(*LEARNED_POSITIONS, "--model.architecture", "encoder-decoder"),
        *("--objective", "span-corruption"),
    ),
}
Run = Callable[[str], Path]


def opened(path: Path) -> TrainedModel:
    return open_run(path, torch.device("cpu"))


def generated(lmkit: Lmkit, *command: str | Path) -> dict[str, Any]:
    exit_code, out, err = lmkit("generate", *command, "--json")
    assert exit_code == 0, err
    return json.loads(out)[0]


def logits(trained: TrainedModel, ids: list[int], **source_arguments: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return trained.model(torch.tensor([ids]), torch.arange(len(ids))[None], **source_arguments)[
            0
        ]


def greedy(step: Callable[[list[int]], torch.Tensor], start: list[int], count: int) -> list[int]:
    """Take the most likely id each time, without a cache; EOS is id 3."""
    ids = list(start)
    for _ in range(count):
        logits_V = step(ids).clone()
        logits_V[[n for n in range(266) if n != 3]] = -torch.inf  # special tokens come first
        token = int(logits_V.argmax())
        if token == 3:
            break
        ids.append(token)
    return ids[len(start) :]
