"""The open trackers of a run: each gets everything, and none can stop the run.

Choice: a tracker that fails (a full disk, a process that was killed, a service without an answer)
is closed, with a warning, and training continues without it. Nothing is lost: the numbers are in
metrics.jsonl, and a run that resumes opens all trackers again.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from lmkit.execution.progress import warn
from lmkit.training.tracking.registry import ALWAYS_ON, TRACKERS, TrackedRun, Tracker


class Trackers:
    """The trackers of a run: those that are always on, and the one that was chosen."""

    def __init__(self, run: TrackedRun) -> None:
        """Open all of them, with nothing in them."""
        self._open: dict[str, Tracker] = {}
        for name in (*ALWAYS_ON, *([run.chosen] if run.chosen else [])):
            try:
                self._open[name] = TRACKERS[name].load()(run)
            except Exception as error:
                _warn_of(name, error)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add the numbers of a step, by tag."""
        self._for_each(lambda tracker: tracker.log(step, values))

    def add_text(self, tag: str, text: str, step: int) -> None:
        """Add a text that was generated after a step."""
        self._for_each(lambda tracker: tracker.add_text(tag, text, step))

    def flush(self) -> None:
        """Wait until everything is on disk."""
        self._for_each(lambda tracker: tracker.flush())

    def close(self) -> None:
        """Write what is left."""
        self._for_each(lambda tracker: tracker.close())

    def _for_each(self, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._open.items()):
            try:
                call(tracker)
            except Exception as error:
                del self._open[name]
                with suppress(Exception):
                    tracker.close()
                _warn_of(name, error)


def _warn_of(name: str, error: Exception) -> None:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    warn(
        f"{name} failed and gets no more ({what}); training continues, metrics.jsonl has every "
        "step, and a run that resumes tracks all of them again"
    )
