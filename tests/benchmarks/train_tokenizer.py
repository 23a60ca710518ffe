"""train-tokenizer against the bare trainer of the `tokenizers` library: time and compression.

    python tests/benchmarks/train_tokenizer.py DOCUMENTS [--vocab-size 32768] [--rounds 3]

DOCUMENTS is a folder that `lmkit clean` wrote. One document in ten, by its id, is held out.
Alternately, in separate processes, a tokenizer is trained on the rest

    lmkit      by the command: reading, sampling, training, the report, hashes and the manifest
    bare       by the library alone, same settings: documents are read first, timed separately

and bytes per token are measured on the held-out documents. Medians and their ratio are printed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import tokenizers
import zstandard
from tokenizers import models, pre_tokenizers, trainers

SPECIAL = 266
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def records(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(folder.glob("documents-*.jsonl.zst")):
        with path.open("rb") as file:
            data = zstandard.ZstdDecompressor().stream_reader(file).read()
        yield from map(json.loads, data.splitlines())


def held_out(record: dict[str, str]) -> bool:
    return zlib.crc32(record["id"].encode()) % 10 == 0


def bare(documents: Path, size: int, output: Path) -> None:
    """Train as in the library's examples, and print the seconds."""
    texts = [json.loads(line)["text"] for line in documents.open(encoding="utf-8")]
    started = time.perf_counter()
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(CL100K), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[f"<special {number}>" for number in range(SPECIAL)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(output))
    print(time.perf_counter() - started)


def timed(command: list[str]) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, done.stdout


def bytes_per_token(path: Path, texts: list[str]) -> float:
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokens = sum(
        len(encoding.ids)
        for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    )
    return sum(len(text.encode()) for text in texts) / tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--vocab-size", type=int, default=32_768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        return bare(arguments.documents, arguments.vocab_size, arguments.bare)
    with tempfile.TemporaryDirectory() as folder:
        training, kept, size = Path(folder, "training.jsonl"), list[str](), 0
        with training.open("w", encoding="utf-8") as file:
            for record in records(arguments.documents):
                if held_out(record):
                    kept.append(record["text"])
                else:
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
                    size += len(record["text"].encode())
        print(f"{size / 1e6:.1f} MB to train on, {len(kept)} documents held out")
        seconds: dict[str, list[float]] = {"lmkit": [], "bare": [], "bare, reading included": []}
        for number in range(arguments.rounds):
            output, alone = Path(folder, f"lmkit-{number}"), Path(folder, f"bare-{number}.json")
            vocabulary = ["--vocab-size", str(arguments.vocab_size)]
            command = [sys.executable, "-m", "lmkit", "train-tokenizer", str(training), *vocabulary]
            wall, _ = timed([*command, "--output", str(output)])
            seconds["lmkit"].append(wall)
            again = [sys.executable, __file__, str(training), *vocabulary, "--bare", str(alone)]
            wall, printed = timed(again)
            seconds["bare"].append(float(printed))
            seconds["bare, reading included"].append(wall)
            print({name: round(times[-1], 1) for name, times in seconds.items()}, flush=True)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        for name in ("bare", "bare, reading included"):
            print(f"lmkit / {name}: {medians['lmkit'] / medians[name]:.3f}")
        for name, path in (("lmkit", output / "tokenizer.json"), ("bare", alone)):
            print(
                f"{name}: {bytes_per_token(path, kept):.4f} bytes per token on held-out documents"
            )
    return None


if __name__ == "__main__":
    main()
