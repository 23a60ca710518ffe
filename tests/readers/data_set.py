"""A data set as the hub has them; a folder of that name stands in for it, as `datasets` does it.

No test reaches the network: with a folder there, `datasets` never asks the hub.
"""

import json
from pathlib import Path

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little, number"


def data_set(folder: Path) -> Path:
    """Write two shards of three rows each, and a test split of one."""
    folder.mkdir()
    for shard in range(2):
        rows = [{"text": f"{GOOD} {shard}{n}", "url": f"http://x/{n}"} for n in range(3)]
        write(folder / f"train-{shard}.jsonl", rows)
    write(folder / "test-0.jsonl", [{"text": f"{GOOD} of the test", "url": None}])
    return folder


def write(path: Path, rows: list[dict[str, str | None]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
