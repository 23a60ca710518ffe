import random
from pathlib import Path

import numpy as np

from lmkit.reporting.run_metrics import Curve
from lmkit.reporting.sections.found_problems import all_problems, found_problems, spikes
from tests.reporting.folders import data_of, write_folder, write_run


def test_a_sound_pipeline_has_none_but_what_it_reports_itself(pipeline: Path) -> None:
    for problem in all_problems(data_of(pipeline / "work")):
        assert "times; beyond" in problem or "ties" in problem


def test_each_problem_is_a_sentence(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", "clean", finished=False)
    write_folder(tmp_path / "b", "dedup", inputs=[{"path": "lost", "sha256": ["0"]}], quarantined=3)
    write_folder(tmp_path / "t", "train-tokenizer", details={"lacks": ["<mask>"]})
    write_run(
        tmp_path / "run", [3, None, 1, 2, 3], details={"mixture": [{"folder": "p", "epochs": 9}]}
    )
    found = "\n".join(all_problems(data_of(tmp_path)))
    for part in (
        *("lost: no longer there", "a: not finished", "b: 3 records could not be read"),
        *("lacks <mask>", "the loss was not finite at step 2", "read p 9 times"),
    ):
        assert part in found
    assert "Problems (" in found_problems(data_of(tmp_path)).title


def test_a_spike_is_found_and_noise_is_not() -> None:
    generator = random.Random(1)
    values = [5 - n / 500 + generator.gauss(0, 0.05) for n in range(1_000)]
    steps = np.arange(1.0, 1_001)
    assert spikes(Curve(steps, np.array(values)), 10) == []
    values[600] += 4
    assert spikes(Curve(steps, np.array(values)), 10) == [601]
    assert spikes(Curve(steps[:20], np.array(values[:20])), 10) == []


def test_nothing_found_is_said(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", "clean", documents_out=1, documents_in=1)
    assert "None were found" in found_problems(data_of(tmp_path)).content
