"""lmkit, in a process that notes in ROWS_READ which rows it reads for which step."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from lmkit.cli import main
from lmkit.execution.ranks import rank, ranks
from lmkit.training import loop


def noting(step_batches: Any) -> Any:
    folder = Path(os.environ["ROWS_READ"])

    def noted(seed: int, step: int, passes: list[Any], *rest: Any) -> Any:
        rows = [int(row) for part in passes for row in part]
        with (folder / f"{ranks()}-{rank()}.jsonl").open("a") as file:
            file.write(json.dumps([step, rows]) + "\n")
        return step_batches(seed, step, passes, *rest)

    return noted


if __name__ == "__main__":
    loop.step_batches = noting(loop.step_batches)
    sys.exit(main())
