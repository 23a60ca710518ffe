"""Do commands stay upright, whatever stands in the files that they read back?

    python tests/benchmarks/fuzz_files.py SCRATCH [CASES] [WHOLE COMMANDS]

20,000 mutations of the files of a small pipeline, in forked children of a process that has imported
everything, and 500 as whole commands (`tests/fuzzing/`). Prints each case in which a command ends
with a traceback, a panic, a signal or an unknown exit code, or computes for more than 10 seconds.
SCRATCH holds the pipeline and the number of the next case: the same command resumes. A case is
repeated by its number:

    python -m tests.fuzzing.forked_commands SCRATCH 1234 1235
"""

import sys
from pathlib import Path

from tests.fuzzing.forked_commands import main as run_cases

AT_ONCE = 50
FIRST_WHOLE = 10_000_000
"""Other cases than those in children."""


def main(scratch: Path, cases: int = 20_000, whole: int = 500) -> int:
    scratch.mkdir(parents=True, exist_ok=True)
    failures = 0
    for name, first, count in (("forked", 0, cases), ("whole", FIRST_WHOLE, whole)):
        reached = scratch / f"next-{name}"
        begin = int(reached.read_text()) if reached.exists() else first
        for number in range(begin, first + count, AT_ONCE):
            last = min(number + AT_ONCE, first + count)
            failures += run_cases(scratch, number, last, whole=name == "whole")
            reached.write_text(str(last))
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
