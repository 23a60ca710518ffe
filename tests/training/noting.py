"""lmkit, in a process that records in ROWS_READ which sequences it reads for which step."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from lmkit.cli import main
from lmkit.execution.ranks import rank, ranks
from lmkit.training import loop


def recording(step_batches: Any) -> Any:
    folder = Path(os.environ["ROWS_READ"])

    def recorded(seed: int, step: int, micro_batches: list[Any], *rest: Any) -> Any:
        rows = [int(row) for part in micro_batches for row in part]
        with (folder / f"{ranks()}-{rank()}.jsonl").open("a") as file:
            file.write(json.dumps([step, rows]) + "\n")
        return step_batches(seed, step, micro_batches, *rest)

    return recorded


if __name__ == "__main__":
    loop.step_batches = recording(loop.step_batches)
    sys.exit(main())
