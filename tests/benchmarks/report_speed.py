"""The size and the speed of `lmkit report`, on runs and folders that are made up.

    python tests/benchmarks/report_speed.py SCRATCH [RUNS] [STEPS]

Of RUNS (5) with STEPS (20,000) and 8 curves each: seconds of the whole command, memory, the size of
the page, whether a second report has the same bytes, and the milliseconds until a browser has
loaded it, and then drawn all of it (the best and the median of 5). Of cleaned folders with 100 and
1,000 shards, each with signals: seconds. The bounds are 3 MB, 5 s, 1 s to load, and a time that
grows no more than the shards. Seconds are those of the processor, since machines are shared; those
of the wall stand next to them.
"""

import json
import math
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.pretrain.options import PretrainConfig
from tests.reporting.browser import browser, find_browser


def write_folder(path: Path, config: dict, outputs: list[dict], **facts: object) -> None:
    path.mkdir(parents=True, exist_ok=True)
    plan = {"format": 2, "lmkit": "0.1.0", "config": config, "inputs": [], "outputs": outputs}
    manifest = plan | {"counts": {}, "seconds": 1.0} | facts
    (path / "manifest.json").write_text(json.dumps(manifest))


def write_run(path: Path, steps: int, seed: int) -> None:
    config = PretrainConfig(inputs=(Path("packed"),), output=path, steps=steps, seed=seed)
    write_folder(path, config.model_dump(mode="json"), [], stage="pretrain")
    generator = random.Random(seed)
    with (path / "metrics.jsonl").open("w") as file:
        for step in range(1, steps + 1):
            loss = 2 + 7 / math.sqrt(step) + generator.gauss(0, 0.05)
            line = {
                "step": step,
                "tokens": 16_384 * step,
                "loss": loss,
                "lr": 3e-4 * (1 + math.cos(step / steps * math.pi)),
                "gradient_norm": 1 + generator.expovariate(1),
                "tokens_per_second": 50_000 + generator.gauss(0, 2_000),
                "validation_loss": loss + 0.1,
                "data_wait": generator.random() / 100,
                "memory_bytes": 8_000_000_000 + generator.randrange(1_000_000),
                "update_ratio": 1e-3 * generator.random(),
            }
            file.write(json.dumps(line) + "\n")


def write_shards(path: Path, shards: int) -> None:
    config = CleanConfig(inputs=(Path("raw"),), output=path)
    generator = np.random.default_rng(1)
    outputs = []
    path.mkdir(parents=True)
    for number in range(shards):
        columns = {
            "reason": pa.array([None] * 1_000, pa.string()),
            "characters": generator.lognormal(7, 1, 1_000),
            "letters": generator.random(1_000),
            "repeats": generator.random(1_000) ** 4,
        }
        for kind in ("signals", "documents"):
            name = f"{kind}-{number:05d}.{'parquet' if kind == 'signals' else 'jsonl.zst'}"
            if kind == "signals":
                pq.write_table(pa.table(columns), path / name)
            else:
                (path / name).write_bytes(b"x")
            size = (path / name).stat().st_size
            outputs.append({"name": name, "bytes": size, "sha256": "0", "counts": {}})
    write_folder(path, config.model_dump(mode="json"), outputs, stage="clean")


def report(folder: Path, output: Path) -> tuple[float, float]:
    """Return seconds of the processor, and of the wall."""
    command = [sys.executable, "-m", "lmkit", "report", str(folder), "--output", str(output)]
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.monotonic() - started


def digest(output: Path) -> str:
    return sha256((output / "report.html").read_bytes()).hexdigest()


def main() -> None:
    scratch = Path(sys.argv[1])
    runs, steps = (int(each) for each in (*sys.argv[2:], "5", "20000")[:2])
    shutil.rmtree(scratch, ignore_errors=True)
    for number in range(runs):
        write_run(scratch / "runs" / f"run-{number}", steps, number)
    seconds = [report(scratch / "runs", scratch / f"report-{n}") for n in range(3)]
    page = scratch / "report-0" / "report.html"
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    print(f"{runs} runs x 8 curves x {steps:,} steps")
    (used, wall), size = min(seconds), page.stat().st_size / 1e6
    print(f"  page {size:.2f} MB, made in {used:.2f} s (wall {wall:.2f}), {memory:.0f} MB")
    print(f"  the same bytes: {len({digest(scratch / f'report-{n}') for n in range(3)}) == 1}")
    if find_browser():
        with browser(scratch / "profile") as tab:
            tab.look(1400, 900)
            loads, drawn = [], []
            for _ in range(5):
                loads.append(tab.open(page))
                drawn.append(tab.evaluate("performance.now()"))
            print(f"  loads in {min(loads):.0f} ms (median {statistics.median(loads):.0f})")
            print(f"  all drawn in {min(drawn):.0f} ms (median {statistics.median(drawn):.0f})")
            print(f"  errors {len(tab.errors)}, requests {len(tab.requests) - 1}")
    for shards in (100, 1_000):
        write_shards(scratch / f"shards-{shards}", shards)
        used, wall = min(
            report(scratch / f"shards-{shards}", scratch / f"of-{shards}-{n}") for n in range(2)
        )
        print(f"{shards:,} shards: {used:.2f} s (wall {wall:.2f})")


if __name__ == "__main__":
    main()
