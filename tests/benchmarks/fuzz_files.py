"""Do commands stay upright, whatever stands in the files that they read back?

    python tests/benchmarks/fuzz_files.py SCRATCH [CASES] [WHOLE COMMANDS]

20,000 mutations of the files of a small pipeline, in forked children of a process that has imported
everything, and 500 as whole commands (`tests/fuzzing/`). Prints each case in which a command ends
with a traceback, a panic, a signal or an unknown exit code, or computes for more than 10 seconds.
As many cases run at once as the machine has cores.
SCRATCH holds the pipeline and the number of the next case: the same command resumes. A case is
repeated by its number:

    python -m tests.fuzzing.forked_commands SCRATCH 1234 1235
"""

import os
import sys
from itertools import pairwise
from pathlib import Path

from tests.fuzzing.forked_commands import main as run_cases
from tests.fuzzing.forked_commands import prepared

AT_ONCE = 200
MOST_FAILURES = 250
"""That an exit code can hold."""
FIRST_WHOLE = 10_000_000
"""Other cases than those in children."""


def main(scratch: Path, cases: int = 20_000, whole: int = 500) -> int:
    prepared(scratch)
    failures = 0
    for name, first, count in (("forked", 0, cases), ("whole", FIRST_WHOLE, whole)):
        reached = scratch / f"next-{name}"
        begin = int(reached.read_text()) if reached.exists() else first
        for number in range(begin, first + count, AT_ONCE):
            last = min(number + AT_ONCE, first + count)
            failures += run_at_once(scratch, number, last, whole=name == "whole")
            reached.write_text(str(last))
    return failures


def run_at_once(scratch: Path, first: int, last: int, *, whole: bool) -> int:
    """Run the cases from `first` to before `last` in a process for each core."""
    processes, children = os.cpu_count() or 1, list[int]()
    bounds = [first + (last - first) * n // processes for n in range(processes + 1)]
    for begin, end in pairwise(bounds):
        child = os.fork()
        if not child:
            failures = MOST_FAILURES
            try:
                failures = min(failures, run_cases(scratch, begin, end, whole=whole))
            finally:
                sys.stdout.flush()
                os._exit(failures)
        children.append(child)
    return sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
