from pathlib import Path

import numpy as np
import pytest

from lmkit.filters.rules import Rule
from lmkit.reporting.sections.signal_histograms import histogram, signal_histograms
from tests.reporting.folders import data_of, write_folder

RULE = Rule("min_x", "x", "x", False, 20.0)


def test_each_rule_has_a_histogram_with_its_limit(pipeline: Path) -> None:
    section = signal_histograms(data_of(pipeline / "work"))
    assert section and section.content.count("<figure>") == 6
    assert "at least 25: drops 1.2%" in section.content and 'class="limit"' in section.content


def test_a_limit_far_away_is_written_but_not_drawn() -> None:
    found = histogram(RULE, np.linspace(1000, 1010, 50), 0)
    assert "at least 20: drops 0.0%" in found and 'class="limit"' not in found


@pytest.mark.parametrize("values", [[5.0], [0.0] * 9, [1, 1e6], [-3, 2.5, 70]])
def test_any_values_can_be_drawn(values: list[float]) -> None:
    found = histogram(RULE, np.array(values, float), 0)
    assert "nan" not in found and 'class="kept"' in found


def test_a_folder_without_signals_has_none(tmp_path: Path) -> None:
    write_folder(tmp_path / "clean", "clean")
    assert signal_histograms(data_of(tmp_path)) is None
