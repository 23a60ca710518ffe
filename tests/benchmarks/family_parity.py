"""Do models of each family have the same logits in Transformers, and keep their weights?

    python tests/benchmarks/family_parity.py [SCRATCH] [FAMILY ...]

Prints a table. For each random model of `tests/huggingface/hf_models.py`, saved by Transformers:

    read     the largest difference of logits, after lmkit has read the folder
    written  the same for the folder that `pretrain --init-from` and `export` make of it, as the
             export itself measures it; its one step has a rate that changes no number
    bytes    whether every tensor of the folder has the same bytes as before; else which don't

Logits are compared as `lmkit export` does: full sequences, padded ones, several documents.
"""

import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from lmkit.cli import main as lmkit
from lmkit.huggingface.checkpoint import HfCheckpoint
from lmkit.huggingface.family import Family
from lmkit.huggingface.load import weights_of
from lmkit.huggingface.parity_check import check
from lmkit.model.transformer import Transformer
from lmkit.storage.json_bytes import read_object
from lmkit.tokenizers import transformers_files
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.huggingface.hf_models import CASES, PAD, hf_model

LENGTH = 64
STILL = ("--steps", "1", "--optim.lr", "1e-30", "--optim.weight-decay", "0")
CPU = ("--device", "cpu", "--precision", "fp32", "--batch-tokens", "256")
LETTERS = "etaoinshrdlu"


def run(*typed: object) -> None:
    if lmkit([str(argument) for argument in typed]) != 0:
        raise SystemExit(f"failed: lmkit {' '.join(map(str, typed))}")


def packed_texts(folder: Path) -> Path:
    """Pack a few made-up texts; the id of padding is RoBERTa's, so that BERT reads it, too."""
    generator = torch.Generator().manual_seed(1)
    letters = torch.randint(0, len(LETTERS), (60, 80, 5), generator=generator).tolist()
    texts = [" ".join("".join(LETTERS[n] for n in word) for word in text) for text in letters]
    lines = [json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts)]
    documents = folder / "documents.jsonl"
    documents.write_text("\n".join(lines) + "\n")
    run("train-tokenizer", documents, "--output", folder / "first", "--vocab-size", 560)
    tokenizer = with_padding_at(PAD, folder / "first", folder / "tokenizer")
    packed, rows = folder / "packed", ("--sequence-length", LENGTH, "--validation", "0.1")
    run("pack", documents, "--tokenizer", tokenizer, "--output", packed, *rows)
    return packed


def with_padding_at(wanted: int, folder: Path, copy: Path) -> Path:
    """Copy a tokenizer with the padding token's id exchanged with another special token's."""
    shutil.copytree(folder, copy)
    (copy / "manifest.json").unlink(missing_ok=True)
    path = copy / "tokenizer.json"
    old, stored = Tokenizer.load(folder).pad, json.loads(path.read_text())
    exchanged = {old: wanted, wanted: old}
    for token in stored["added_tokens"]:
        token["id"] = exchanged.get(token["id"], token["id"])
    stored["added_tokens"].sort(key=lambda token: token["id"])
    vocabulary = stored["model"]["vocab"]
    stored["model"]["vocab"] = {text: exchanged.get(n, n) for text, n in vocabulary.items()}
    path.write_text(json.dumps(stored))
    assert Tokenizer.load(copy).pad == wanted
    return copy


def measured(case: str, packed: Path, folder: Path) -> tuple[float, float, str]:
    """Return both differences, and whether the weights have the same bytes."""
    hf, tokenizer = folder / "hf", Tokenizer.load(packed / "tokenizer")
    hf_model(case, tokenizer.size).save_pretrained(hf)
    checkpoint = HfCheckpoint.at(hf)
    model = Transformer(checkpoint.config, tokenizer.size)
    model.load_state_dict(dict(weights_of(checkpoint)), strict=False)
    pad = tokenizer.pad
    assert pad is not None
    read = check(model, hf, checkpoint.family, pad, LENGTH).difference
    architecture = checkpoint.config.architecture
    bos, eos = tokenizer.bos, tokenizer.eos
    files = transformers_files.exported(packed / "tokenizer", bos, eos, LENGTH, architecture)
    for name, content in files.items():
        (hf / name).write_bytes(content)
    options = ("--objective", checkpoint.family.objective, *STILL, *CPU)
    run("pretrain", packed, "--init-from", hf, "--output", folder / "run", *options)
    run("export", folder / "run", "--output", folder / "out")
    details = read_object(folder / "out" / "manifest.json")["details"]
    return read, details["largest_difference"], kept_bytes(hf, folder / "out", checkpoint.family)


def kept_bytes(before: Path, after: Path, family: Family) -> str:
    """Return "yes", or the tensors that differ or are in one folder only."""
    one, two = tensors(before, family), tensors(after, family)
    different = sorted(
        name
        for name in one.keys() | two.keys()
        if name not in one or name not in two or not same_bytes(one[name], two[name])
    )
    if not different:
        return "yes"
    parts = sorted({".".join(name.split(".")[-3:]) for name in different})
    return f"no: {', '.join(parts)}"


def tensors(folder: Path, family: Family) -> dict[str, Tensor]:
    weights = load_file(folder / "model.safetensors")
    return {family.renamed.get(name, name): tensor for name, tensor in weights.items()}


def same_bytes(one: Tensor, two: Tensor) -> bool:
    return one.dtype == two.dtype and one.numpy().tobytes() == two.numpy().tobytes()


def main() -> None:
    arguments = sys.argv[1:]
    scratch = Path(arguments[0] if arguments else tempfile.mkdtemp())
    scratch.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(sys.stderr):
        packed = packed_texts(Path(tempfile.mkdtemp(dir=scratch)))
    print("| family | read | written | the same bytes |\n| --- | --- | --- | --- |", flush=True)
    for case in arguments[1:] or CASES:
        with contextlib.redirect_stdout(sys.stderr):  # what the commands print
            read, written, kept = measured(case, packed, Path(tempfile.mkdtemp(dir=scratch)))
        print(f"| {case} | {read:.1e} | {written:.1e} | {kept} |", flush=True)


if __name__ == "__main__":
    main()
