"""Round trip of all books and the Universal Declaration in all its languages through `lmkit pack`.

    LMKIT_CORPORA=... python tests/benchmarks/round_trip.py [bpe unigram ...]

Trains every tokenizer on a sample, packs every document, and compares the sequences with the input:
byte for byte, or words separated by one space for wordpiece and word (tests/test_round_trip.py).
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from lmkit.cli import main as lmkit
from tests.conftest import Lmkit
from tests.test_round_trip import books, check, declaration
from tests.tokenizers.made import ALGORITHMS


def run(*typed: Any) -> tuple[int, str, str]:
    return lmkit([str(argument) for argument in typed]), "", ""


def main() -> None:
    corpora = Path(os.environ["LMKIT_CORPORA"])
    texts = [*declaration(corpora), *books(corpora)]
    size = sum(len(text.encode()) for text in texts)
    for algorithm in sys.argv[1:] or ALGORITHMS:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            check(texts, cast(Lmkit, run), cast(Any, algorithm), "chunk", sample="20000000")
            os.chdir(corpora)
        seconds = time.perf_counter() - started
        print(
            f"{algorithm}: {len(texts)} documents, {size / 1e6:.1f} MB, all restored, "
            f"{seconds:.0f} s"
        )


if __name__ == "__main__":
    main()
