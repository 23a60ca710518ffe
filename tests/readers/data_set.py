"""A data set as on the hub, replaced with a local folder of that name, which `datasets` accepts.

No test uses the network: with a local folder, `datasets` never contacts the hub.
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
