"""Does a run that goes on for long take more and more memory, or open more and more files?

    python tests/benchmarks/soak.py PACKED SCRATCH [MINUTES]

Trains at the quickstart's scale, saving and validating often, and looks each second. Prints the
slope of the resident memory behind the first tenth, by least squares, and the open files.
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
        begun, samples = time.monotonic(), list[tuple[float, int, int]]()
        place = Path(f"/proc/{process.pid}")
        while process.poll() is None:
            try:
                resident = int((place / "statm").read_text().split()[1]) * PAGE
                files = len(list((place / "fd").iterdir()))
                samples.append((time.monotonic() - begun, resident, files))
            except (OSError, IndexError):
                pass
            time.sleep(1)
    seconds, memory, files = np.array(samples[:-2], np.float64).T
    late = seconds > seconds[-1] / 10
    slope, _ = np.polyfit(seconds[late] / 60, memory[late] / 1e6, 1)
    steps = len((run / "metrics.jsonl").read_bytes().splitlines())
    print(
        f"{seconds[-1] / 60:.1f} minutes, {steps:,} steps, exit {process.returncode}; memory "
        f"{memory[late][0] / 1e6:.0f} to {memory[-1] / 1e6:.0f} MB, {slope:+.2f} MB a minute; open "
        f"files {files[late].min():.0f} to {files[late].max():.0f}"
    )


if __name__ == "__main__":
    packed, scratch, *rest = sys.argv[1:]
    Path(scratch).mkdir(parents=True, exist_ok=True)
    main(Path(packed), Path(scratch), float(rest[0]) if rest else 20.0)
