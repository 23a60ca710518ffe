"""Damage archives of 200 records at random, and count the undamaged records that are lost.

    python -m tests.benchmarks.warc_damage [NUMBER] [SEED]

Bytes are flipped, deleted, inserted, cut off; lengths altered; separators removed; in plain files
and in files of a gzip member per record, with separators of all widths. Prints a line per kind.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from lmkit.artifacts.documents_file import Unreadable
from tests.readers.reading import outcomes
from tests.readers.test_warc_records import lost_and_repeated
from tests.readers.warc_damage import archive, damaged

RECORDS = 200
STYLES = ("plain", "gzip")


def main(number: int = 1_000, seed: int = 0) -> None:
    """Try so many damages, half of them in each kind of file."""
    tried: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    touched: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for draw_seed in range(seed, seed + number):
            style = STYLES[draw_seed % 2]
            path = Path(folder, "a.warc.gz" if style == "gzip" else "a.warc")
            made = archive(RECORDS, draw_seed // 20, style)
            kind, data, untouched = damaged(made, random.Random(draw_seed))
            path.write_bytes(data)
            found = outcomes(path)
            bad = lost_and_repeated(found, [made.sentences[index] for index in untouched])
            if bad:
                print(f"seed {draw_seed}, {style}, {kind}: {bad}", flush=True)
            name = f"{style}, {kind}"
            tried[name] += 1
            lost[name] += len(bad)
            touched[name] += RECORDS - len(untouched)
            losses[name] += sum(isinstance(outcome, Unreadable) for outcome in found)
    for name in sorted(tried):
        print(
            f"{name}: {tried[name]} damages touched {touched[name]} records, {losses[name]} "
            f"losses listed, {lost[name]} undamaged records lost or repeated"
        )
    print(f"{number} damages, {lost.total()} lost; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
