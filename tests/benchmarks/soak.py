"""Does a long run take more and more memory, or open more and more files?

    python tests/benchmarks/soak.py PACKED SCRATCH [MINUTES]

Trains at the quickstart's scale, saving and validating often, and measures every second. Prints
the slope of the resident memory after the first tenth, by least squares, and the open files.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

PAGE = 4096
SETTINGS = ("--model.layers", "4", "--model.hidden-size", "192", "--model.heads", "6")
SETTINGS += ("--batch-tokens", "4096", "--device", "cpu", "--steps", "1000000")
SETTINGS += ("--save-every", "50", "--validate-every", "100", "--log-every", "50")


def main(packed: Path, scratch: Path, minutes: float) -> None:
    run = scratch / "soak"
    command = [sys.executable, "-m", "lmkit", "pretrain", str(packed), "--output", str(run)]
    limit = ["--time-limit", str(minutes / 60)]
    with (scratch / "soak.log").open("w") as log:
        process = subprocess.Popen([*command, *SETTINGS, *limit], stderr=log, stdout=log)
        start, samples = time.monotonic(), list[tuple[float, int, int]]()
        proc = Path(f"/proc/{process.pid}")
        while process.poll() is None:
            try:
                resident = int((proc / "statm").read_text().split()[1]) * PAGE
                files = len(list((proc / "fd").iterdir()))
                samples.append((time.monotonic() - start, resident, files))
            except (OSError, IndexError):
                pass
            time.sleep(1)
    seconds, memory, files = np.array(samples[:-2], np.float64).T
    after_warm_up = seconds > seconds[-1] / 10
    slope, _ = np.polyfit(seconds[after_warm_up] / 60, memory[after_warm_up] / 1e6, 1)
    steps = len((run / "metrics.jsonl").read_bytes().splitlines())
    print(
        f"{seconds[-1] / 60:.1f} minutes, {steps:,} steps, exit {process.returncode}; memory "
        f"{memory[after_warm_up][0] / 1e6:.0f} to {memory[-1] / 1e6:.0f} MB, "
        f"{slope:+.2f} MB per minute; "
        f"open files {files[after_warm_up].min():.0f} to {files[after_warm_up].max():.0f}"
    )


if __name__ == "__main__":
    packed, scratch, *rest = sys.argv[1:]
    Path(scratch).mkdir(parents=True, exist_ok=True)
    main(Path(packed), Path(scratch), float(rest[0]) if rest else 20.0)
