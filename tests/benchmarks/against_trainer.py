"""How far does lmkit's default get in the steps that Transformers' Trainer takes?

    python tests/benchmarks/against_trainer.py PACKED SCRATCH [--family gpt2|bert|t5]
        [--size 4x128] [--steps 300] [--rates 3e-4,1e-3,3e-3,1e-2] [--seeds 0]
        [--programs Trainer,adamw,default] [--precision fp32]

PACKED is a packed folder with validation sequences of 256 tokens. Trained on its sequences, 16 a
step, in bf16 (or fp32, where a CPU has no units for bf16), and scored on the same batches of its
validation sequences (the same masks, too):

    Trainer         as run_clm and run_mlm use it: GPT2LMHeadModel or BertForMaskedLM without
                    dropout, AdamW, a linear schedule, a quarter of the steps as warm-up, at each of
                    the rates. Not for t5, for which it has no pre-training
    lmkit adamw     lmkit with AdamW, and what goes with Muon left out, at each of the rates
    lmkit           as its command starts by itself

Prints each run with its loss in nats a target and its wall time; what is in SCRATCH/trainer.jsonl
isn't trained again. The peer's package is `transformers`, in this environment.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lmkit.commands.pretrain.options import PretrainConfig
from lmkit.evaluation.perplexity import score_rows
from lmkit.objectives.objective import Packing, objective_of
from lmkit.packing.packed_folder import PackedFolder
from lmkit.packing.token_rows import NO_TARGET, TokenSequences
from lmkit.tokenizers.tokenizer import Tokenizer

LENGTH, SEQUENCES = 256, 16
ARCHITECTURES = {"gpt2": "decoder", "bert": "encoder", "t5": "encoder-decoder"}
OBJECTIVES = {"gpt2": "clm", "bert": "mlm"}


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """The sequences of a split as the Trainer takes them."""

    def __init__(self, sequences: TokenSequences, family: str) -> None:
        self._sequences, self._family = sequences, family

    def __len__(self) -> int:
        return len(self._sequences)

    def __getitem__(self, number: int) -> dict[str, Any]:
        tokens = self._sequences.read(np.array([number])).tokens_BT[0].tolist()
        return {"input_ids": tokens} | ({"labels": tokens} if self._family == "gpt2" else {})


class Scored(nn.Module):
    """A model of Transformers that returns the summed loss of one of lmkit's batches."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens_BT: Tensor, targets_BT: Tensor, **_: Tensor) -> Tensor:
        logits_BTV = self.model(input_ids=tokens_BT).logits.float()
        return nn.functional.cross_entropy(
            logits_BTV.flatten(0, 1), targets_BT.flatten(), ignore_index=NO_TARGET, reduction="sum"
        )


def peer(family: str, size: str, vocabulary: int) -> nn.Module:
    """Return a model of Transformers, without dropout."""
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

    layers, width = map(int, size.split("x"))
    heads = max(4, width // 64)
    if family == "gpt2":
        drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        shape = {"n_layer": layers, "n_embd": width, "n_head": heads, "n_positions": LENGTH}
        return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, **shape, **drops))
    drops = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0)
    shape = {"num_hidden_layers": layers, "hidden_size": width, "num_attention_heads": heads}
    shape |= {"intermediate_size": 4 * width, "max_position_embeddings": LENGTH}
    return BertForMaskedLM(BertConfig(vocab_size=vocabulary, **shape, **drops))


def train_peer(
    packed: Path,
    output: Path,
    family: str,
    size: str,
    rate: float,
    steps: int,
    seed: int,
    precision: str,
) -> float:
    """Train with the Trainer; return the loss on the validation sequences."""
    from transformers import (
        DataCollatorForLanguageModeling,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
        default_data_collator,
        set_seed,
    )

    set_seed(seed)
    folder = PackedFolder.at(packed, "")
    record = folder.record
    tokenizer = Tokenizer.load(packed / "tokenizer")
    model = peer(family, size, record.vocabulary_size)
    collate = default_data_collator
    if family == "bert":
        assert tokenizer.mask is not None
        names = json.loads((packed / "tokenizer/tokenizer_config.json").read_text())
        fast = PreTrainedTokenizerFast(
            tokenizer_file=str(packed / "tokenizer/tokenizer.json"),
            mask_token=names["mask_token"],
            pad_token=names["pad_token"],
        )
        collate = DataCollatorForLanguageModeling(fast, mlm_probability=0.15)
    arguments = TrainingArguments(
        output_dir=str(output), learning_rate=rate, max_steps=steps, use_cpu=True,
        bf16=precision == "bf16", per_device_train_batch_size=SEQUENCES, seed=seed,
        warmup_steps=min(100, steps // 4), save_strategy="no", report_to="none",
        logging_steps=100, disable_tqdm=True,
    )  # fmt: skip
    rows = Rows(folder.sequences("train"), family)
    Trainer(model, arguments, train_dataset=rows, data_collator=collate).train()
    options = {"inputs": [packed], "output": output, "objective": OBJECTIVES[family]}
    objective = objective_of(PretrainConfig.model_validate(options))
    batches = objective.scored.make(tokenizer, Packing(LENGTH, record.bos, record.eos))
    score = score_rows(
        Scored(model),
        folder.sequences("validation"),
        micro_batch=SEQUENCES,
        autocast=lambda: torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"),
        make_batch=batches,
    )
    return score.loss


def train_lmkit(
    packed: Path, output: Path, family: str, size: str, precision: str, *more: object
) -> float:
    """Train with lmkit's command; return the loss on the validation sequences."""
    layers, width = map(int, size.split("x"))
    command = [
        *(sys.executable, "-m", "lmkit", "pretrain", packed, "--output", output),
        *("--model.architecture", ARCHITECTURES[family], "--model.layers", layers),
        *("--model.hidden-size", width, "--model.heads", max(4, width // 64)),
        *("--batch-tokens", SEQUENCES * LENGTH, "--precision", precision),
        *("--validate-every", "none", "--save-every", "none", *more),
    ]
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stderr[-2000:]}")
    details = json.loads((output / "manifest.json").read_text())["details"]
    print(f"  peak learning rate {details['peak_lr']:g}", flush=True)
    return float(details["validation_loss"])


def main() -> None:
    """Train what isn't trained yet; print each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packed", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--family", choices=ARCHITECTURES, default="gpt2")
    parser.add_argument("--size", default="4x128")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rates", default="3e-4,1e-3,3e-3,1e-2")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--programs", default="Trainer,adamw,default")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--one", default="", help="train the peer at this rate, print its loss")
    typed = parser.parse_args()
    typed.scratch.mkdir(parents=True, exist_ok=True)
    family, size, steps, precision = typed.family, typed.size, typed.steps, typed.precision
    output = typed.scratch / "trainer"
    if typed.one:
        seed = int(typed.seeds)
        loss = train_peer(
            typed.packed, output, family, size, float(typed.one), steps, seed, precision
        )
        print(json.dumps(loss))
        return
    path = typed.scratch / "trainer.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    known = {tuple(key): value for key, value in map(json.loads, lines)}

    def measured(name: str, rate: float, seed: int) -> None:
        key = (name + " fp32" * (precision == "fp32"), family, size, rate, steps, seed)
        if key not in known:
            shutil.rmtree(output, ignore_errors=True)
            start = time.perf_counter()
            if name == "Trainer":
                command = [sys.executable, __file__, typed.packed, typed.scratch, "--one", rate]
                command += ["--family", family, "--size", size, "--steps", steps, "--seeds", seed]
                command += ["--precision", precision]
                done = subprocess.run(
                    [str(word) for word in command],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                    env=os.environ | {"HF_HUB_OFFLINE": "1"},
                )
                loss = float(done.stdout.splitlines()[-1])
            else:
                more = ("--steps", steps, "--seed", seed)
                adamw = ("--optim.algorithm", "adamw", "--optim.lr", rate, "--no-model.qk-norm")
                more += adamw if name == "lmkit adamw" else ()
                loss = train_lmkit(typed.packed, output, family, size, precision, *more)
            known[key] = (loss, time.perf_counter() - start)
            with path.open("a") as file:
                file.write(json.dumps([key, known[key]]) + "\n")
        loss, seconds = known[key]
        print(*key, f"{loss:.4f} nats, {seconds:.0f} s", flush=True)

    programs = typed.programs.split(",")
    for seed in map(int, typed.seeds.split(",")):
        for rate in map(float, typed.rates.split(",")):
            if family in OBJECTIVES and "Trainer" in programs:
                measured("Trainer", rate, seed)
            if "adamw" in programs:
                measured("lmkit adamw", rate, seed)
        if "default" in programs:
            measured("lmkit", 0.0, seed)


if __name__ == "__main__":
    main()
