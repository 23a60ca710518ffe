import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import settings

from lmkit.cli import main

# Shared machines are slow at times; no test asserts a time.
settings.register_profile("lmkit", deadline=None)
settings.load_profile("lmkit")

# A shell makes background processes and their children ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TEXTS = {
    "cat.txt": "The cat sat on the mat, and the mat was warm.",
    "dog.txt": "The dog sat on the log, and the log was cold.",
    "hi.txt": "hi",
    "kat.txt": "The  cat sat on the mat,\nand the mat was WARM.",
}
Lmkit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def raw(here: Path) -> Path:
    """A folder of four small .txt files, in the current folder."""
    folder = Path("raw")
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def lmkit(capsys: pytest.CaptureFixture[str]) -> Lmkit:
    """Run a command line in this process: its exit code, standard output, standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        exit_code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return exit_code, out, err

    return run


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real text that LMKIT_CORPORA names."""
    folder = os.environ.get("LMKIT_CORPORA")
    if not folder:
        pytest.skip("needs the corpora: set LMKIT_CORPORA")
    return Path(folder)


def records(folder: Path, kind: str = "documents") -> list[dict[str, Any]]:
    """Read all lines of a kind of file, independently of lmkit."""
    lines: list[bytes] = []
    for path in sorted(folder.glob(f"{kind}-*.jsonl.zst")):
        lines += zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read().splitlines()
    return [json.loads(line) for line in lines]


def texts(folder: Path) -> list[str]:
    return [record["text"] for record in records(folder)]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder except the manifest, whose times differ."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name != "manifest.json"
    }


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def prose(count: int, words: int = 150) -> list[str]:
    """Return real text: Python's reference manual, split into documents."""
    from pydoc_data.topics import topics

    text = " ".join(topics[name] for name in sorted(topics)).split()
    return [" ".join(text[n * words : (n + 1) * words]) for n in range(count)]


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small packed folder, with its documents and its tokenizer next to it."""
    folder = tmp_path_factory.mktemp("packed")
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(prose(120)))
    documents = folder / "documents.jsonl"
    documents.write_text("\n".join(lines))
    tokenizer, output = folder / "tokenizer", folder / "packed"
    settings = ["--sequence-length", "32", "--validation", "0.1"]
    train = ["train-tokenizer", documents, "--output", tokenizer, "--vocab-size", "600"]
    pack = ["pack", documents, "--tokenizer", tokenizer, "--output", output, *settings]
    for command in (train, pack):
        assert main([str(argument) for argument in command]) == 0
    return output


TINY = ("--model.preset", "tiny-decoder", "--device", "cpu", "--precision", "fp32")
SMALL_RUN = (
    *(*TINY, "--batch-tokens", "256", "--log-every", "2", "--schedule.warmup-steps", "2"),
    # auto would depend on the steps, and tests make runs longer; muon enlarges rounding.
    *("--optim.algorithm", "adamw", "--optim.lr", "1e-3"),
)


@pytest.fixture(scope="session")
def trained(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps on that folder."""
    run = tmp_path_factory.mktemp("trained") / "run"
    command = ["pretrain", packed, "--output", run, *SMALL_RUN, "--steps", "8", "--save-every", "4"]
    assert main([str(argument) for argument in command]) == 0
    return run


SHAPE = ("--model.layers", "2", "--model.hidden-size", "32", "--model.heads", "4")
ENCODER = ("--model.architecture", "encoder", "--model.norm", "layernorm")
POST = (*ENCODER, "--model.norm-position", "post", "--model.biases", "--model.activation", "gelu")
PROJECTION, FIRST = ("--model.qk-norm-over", "projection"), ("--model.first-position", "1")
FAMILIES: dict[str, tuple[str, ...]] = {
    "gpt2": (
        *("--model.position", "learned", "--model.norm", "layernorm", "--model.biases"),
        *("--model.activation", "gelu-tanh", "--model.max-positions", "64"),
    ),
    "llama": ("--model.kv-heads", "2", "--no-model.qk-norm"),
    "mistral": ("--model.kv-heads", "2", "--model.window", "8"),
    "qwen2": (
        *("--model.attention-biases", "qkv", "--model.rotary-scaling", "yarn"),
        *("--model.rotary-factor", "2", "--model.rotary-original-length", "64"),
    ),
    "qwen3": ("--model.qk-norm", "--no-model.tie-embeddings"),
    "olmo2": ("--model.norm-position", "output", "--model.qk-norm", *PROJECTION),
    "gpt_neox": (
        *("--model.norm", "layernorm", "--model.biases", "--model.activation", "gelu"),
        *("--model.parallel-residual", "--model.rotary-fraction", "0.25"),
    ),
    "bert": (*POST, "--objective", "mlm", "--model.position", "learned"),
    # The id of padding is 0.
    "roberta": (*POST, "--objective", "mlm", *("--model.position", "learned"), *FIRST),
    "modernbert": (*ENCODER, "--objective", "mlm", "--model.activation", "geglu"),
    "xlnet": (*POST, "--objective", "plm", "--model.position", "transformer-xl"),
    "t5": (
        *("--model.architecture", "encoder-decoder", "--model.position", "relative"),
        *("--objective", "span-corruption", "--model.activation", "geglu-tanh"),
    ),
}
"""The options for a model of every family that Transformers supports."""


@pytest.fixture(scope="session")
def runs(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a short run of a family, on sequences of 64 tokens, at its first use."""
    folder = tmp_path_factory.mktemp("families")
    longer = folder / "packed"
    command = ["pack", packed, "--output", longer, "--sequence-length", "64"]
    assert main([str(argument) for argument in command]) == 0

    def make(family: str) -> Path:
        run = folder / family
        if not run.exists():
            training = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256")
            schedule = ("--steps", "6", "--optim.lr", "0.02", "--schedule.warmup-steps", "1")
            command = ["pretrain", longer, "--output", run, *SHAPE, *training, *schedule]
            assert main([str(argument) for argument in [*command, *FAMILIES[family]]]) == 0
        return run

    return make
