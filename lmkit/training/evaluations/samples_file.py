r"""samples.jsonl: the texts that a model generated while it was trained.

    {"step": 250, "prompt": "Once upon", "text": "Once upon a time", "ended": false}

Choices:
- Like the metrics, the lines are cut back to the checkpoint where a run resumes, and TensorBoard is
  written again from those that stay.
- A model may generate anything. What is shown of a text has escapes for characters that don't
  print, so none reaches a terminal; the file has them as JSON has them.
"""

import json
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lmkit.execution.progress import log_message
from lmkit.execution.tables import printable
from lmkit.storage.json_bytes import from_json
from lmkit.training.step_lines import complete_lines, trim_lines

SAMPLES = "samples.jsonl"
MAX_SHOWN_CHARACTERS = 100

AddText = Callable[[str, str, int], None]
"""Adds a text to TensorBoard, given its tag and its step."""


@dataclass(frozen=True)
class Sample:
    """A text that was generated for a prompt."""

    step: int
    prompt: str
    text: str
    ended: bool
    """Whether the model ended the text itself."""

    def shown(self) -> str:
        r"""Return the start of the text on one line.

        >>> Sample(5, "Red", "Red \x1b[31m", ended=True).shown()
        'step 5: Red \\x1b[31m'
        """
        text = printable(self.text[:MAX_SHOWN_CHARACTERS])
        return f"step {self.step}: {text}" + (
            " ..." if len(self.text) > MAX_SHOWN_CHARACTERS else ""
        )


class SamplesFile:
    """The open samples of a run that resumes after `step`; 0 for a new one."""

    def __init__(self, run: Path, step: int, add_text: AddText) -> None:
        """Remove the lines after the step."""
        self._path, self._add_text = run / SAMPLES, add_text
        if self._path.exists():
            trim_lines(self._path, step, _sample)
        self._written: dict[int, int] = {}
        for sample in read_samples(self._path):
            self._write_to_tensorboard(sample)

    def append(self, samples: Sequence[Sample]) -> None:
        """Add the texts of a step, and show the first."""
        with self._path.open("a", encoding="utf-8") as file:
            for sample in samples:
                file.write(json.dumps(asdict(sample)) + "\n")
                self._write_to_tensorboard(sample)
            file.flush()
            os.fsync(file.fileno())
        more = f" (and {len(samples) - 1:,} more in {SAMPLES})" if len(samples) > 1 else ""
        log_message(samples[0].shown() + more)

    def _write_to_tensorboard(self, sample: Sample) -> None:
        number = self._written.get(sample.step, 0)
        self._written[sample.step] = number + 1
        self._add_text(f"samples/{number}", sample.text, sample.step)


def read_samples(path: Path) -> Generator[Sample]:
    """Read the texts of a run, up to the first incomplete line."""
    for _, sample in complete_lines(path, _sample):
        yield sample


def _sample(line: bytes) -> Sample | None:
    try:
        sample = Sample(**from_json(line))
        kinds = [type(value) for value in (sample.step, sample.prompt, sample.text, sample.ended)]
        return sample if kinds == [int, str, str, bool] else None
    except (ValueError, TypeError):
        return None
