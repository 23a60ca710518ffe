import json
import re
from pathlib import Path

from lmkit.evaluation.scores import Scores
from lmkit.evaluation.text_score import Score
from lmkit.reporting.sections.score_plots import NARROW, WIDE, Dot, Line, dot_plot, score_plots
from tests.reporting.folders import data_of, write_folder, write_run


def test_a_dot_stands_at_its_score_with_its_error_and_chance() -> None:
    found = dot_plot([Line("x", (Dot(1, 0.5, 0.1),), 0.25)], "Tasks")
    positions = [float(x) for x in re.findall(r'<circle class="c1 dot" cx="([\d.]+)"', found)]
    assert positions == [WIDE.at(0.5), NARROW.at(0.5)]
    ends = re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)"[^>]*class="c1 line"', found)
    assert [float(end) for end in ends[0]] == [WIDE.at(0.4), WIDE.at(0.6)]
    assert "50.0% ± 10.0%" in found and "chance 25.0%" in found


def test_errors_stay_inside() -> None:
    found = dot_plot([Line("x", (Dot(0, 1.0, 0.5), Dot(1, 0.0, None)), None)], "Tasks")
    assert max(float(x) for x in re.findall(r'x2="([\d.]+)"', found)) <= WIDE.at(1)


def test_scores_of_a_pipeline_are_shown(pipeline: Path) -> None:
    section = score_plots(data_of(pipeline / "work"))
    assert section and "Held-out text" in section.content and ">pairs<" in section.content


def test_text_of_several_sources_has_a_row_of_each(tmp_path: Path) -> None:
    sources = {"books": Score(20.0, 10, 30), "web": Score(40.0, 10, 30)}
    write_folder(tmp_path / "eval", "eval", {"run": "run"})
    found = Scores.of(sources, Path("step-1"), {})
    (tmp_path / "eval" / "scores.json").write_text(json.dumps(found.to_json()))
    section = score_plots(data_of(tmp_path))
    assert section
    shown = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in section.content.split("<tr>")]
    losses = {row[2]: float(row[3]) for row in shown if len(row) > 3}
    assert losses == {"all": 3.0, "books": 2.0, "web": 4.0}


def test_without_scores_there_is_no_section(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [3, 2])
    assert score_plots(data_of(tmp_path)) is None
