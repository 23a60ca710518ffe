import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lmkit.cli import main
from tests.conftest import prose
from tests.generation.runs import KINDS, SMALL, Run


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Compute on one thread: for tiny models several take longer, where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Make a run of three steps, of a kind, at its first use."""
    folder = tmp_path_factory.mktemp("forms")
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(prose(60, 12)))
    (folder / "a.jsonl").write_text("\n".join(lines))
    tokenizer = ["--output", folder / "tokenizer", "--vocab-size", "700"]
    packing = ["--tokenizer", folder / "tokenizer", "--output", folder / "packed"]
    packing += ["--sequence-length", "64", "--validation", "0.2", "--packing", "best-fit"]
    for stage, options in (("train-tokenizer", tokenizer), ("pack", packing)):
        command = [stage, folder / "a.jsonl", *options]
        assert main([str(argument) for argument in command]) == 0

    def make(kind: str) -> Path:
        if not (folder / kind).exists():
            command = ["pretrain", folder / "packed", "--output", folder / kind, *SMALL]
            assert main([str(argument) for argument in [*command, *KINDS[kind]]]) == 0
        return folder / kind

    return make
