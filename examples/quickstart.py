"""From raw text to a small language model in Python, with the steps of quickstart.sh.

    python examples/quickstart.py            # the text that Python itself ships
    python examples/quickstart.py FOLDER     # your own: .txt, .md, .py, .jsonl

Run it again, and each finished step is up to date. WORK is the folder of the results, STEPS and
VOCABULARY set how long it takes: 4 to 10 minutes on two cores, without a download.
"""

import os
import sys
from pathlib import Path

from python_text import gather

import lmkit


def main(text: Path | None, work: Path) -> None:
    """Train a model on a folder of text, and use it."""
    if text is None:
        text = work / "text"
        gather(text)

    # Raw files become documents; of those with the same text, or nearly the same, one is kept.
    print(lmkit.clean(lmkit.CleanConfig(inputs=(text,), output=work / "clean")))
    lmkit.dedup(lmkit.DedupConfig(inputs=(work / "clean",), output=work / "dedup"))
    lmkit.train_tokenizer(
        lmkit.TrainTokenizerConfig(
            inputs=(work / "dedup",),
            output=work / "tokenizer",
            vocab_size=int(os.environ.get("VOCABULARY", "4096")),
        )
    )
    lmkit.pack(
        lmkit.PackConfig(
            inputs=(work / "dedup",),
            tokenizer=work / "tokenizer",
            output=work / "packed",
            sequence_length=256,
            validation="0.02",
        )
    )
    # A group of options is a dict; help(lmkit.PretrainConfig) lists them all.
    lmkit.pretrain(
        lmkit.PretrainConfig(
            inputs=(work / "packed",),
            output=work / "run",
            model={"layers": 4, "hidden_size": 256, "heads": 4},
            optim={"lr": 3e-3},
            schedule={"warmup_steps": 50},
            steps=int(os.environ.get("STEPS", "400")),
            batch_tokens=4096,
        )
    )

    model = lmkit.load(work / "run")
    print(model)
    for sample in model.generate(["The function returns", "A class is"], max_tokens=60):
        print(sample.text, "\n---")
    for scored in model.score(["The function returns a list.", "List a returns function the."]):
        print(scored)
    first, second = model.embed(["Open a file.", "Read the file."])
    print("cosine similarity", float(first @ second / (first.norm() * second.norm())))


# Worker processes run this file again, up to here.
if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else None,
        Path(os.environ.get("WORK", "work/quickstart-python")),
    )
