import math
import subprocess
import sys

import pytest

from lmkit.evaluation.text_score import Score


def test_the_score_of_two_texts_is_the_sum_of_theirs() -> None:
    assert Score(1.0, 2, 3) + Score(2.0, 3, 4) == Score(3.0, 5, 7)


def test_an_empty_text_has_no_score() -> None:
    assert math.isnan(Score(0.0, 0, 0).loss) and math.isnan(Score(0.0, 0, 0).bits_per_byte)


def test_two_bits_for_each_of_four_bytes() -> None:
    score = Score(8 * math.log(2), 4, 4)
    assert score.bits_per_byte == pytest.approx(2) and score.perplexity == pytest.approx(4)


def test_scores_are_read_without_torch() -> None:
    script = "import sys, lmkit.evaluation.scores; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
