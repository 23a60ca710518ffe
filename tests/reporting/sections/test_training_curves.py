from dataclasses import fields
from pathlib import Path

from lmkit.reporting.sections.training_curves import KNOWN, training_curves, training_plots
from lmkit.training.metrics import Record
from tests.reporting.folders import data_of, write_folder, write_run


def test_runs_are_drawn_over_each_other_and_unknown_numbers_too(tmp_path: Path) -> None:
    for name in "ab":
        write_run(tmp_path / name, [3, 2, 1])
    plots = training_plots(data_of(tmp_path).runs)
    titles = [plot.title for plot in plots]
    assert titles[:3] == ["Training loss", "Validation loss", "Learning rate"]
    assert titles[-1] == "wait/data" and all(len(plot.series) == 2 for plot in plots)
    assert [(each.name, each.run) for each in plots[0].series] == [("a", 0), ("b", 1)]


def test_scores_are_drawn_by_measure(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [3])
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "tasks": {"blimp/x": {"acc": 0.5, "acc_norm": 0.4}}}\n')
    plots = {plot.title: plot for plot in training_plots(data_of(tmp_path).runs)}
    assert [each.name for each in plots["Accuracy on tasks"].series] == ["run: blimp/x"]
    assert [each.name for each in plots["Other scores on tasks"].series] == [
        "run: blimp/x/acc_norm"
    ]


def test_every_number_that_training_records_has_a_title() -> None:
    recorded = {field.name for field in fields(Record)} - {"step", "tokens"}
    assert recorded <= {name.partition("/")[0] for name in KNOWN}


def test_what_changed_in_groups_of_weights_is_one_plot(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [3])
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "update_ratio": {"embedding": 0.001, "blocks": 0.002}}\n')
    plots = {plot.title: plot for plot in training_plots(data_of(tmp_path).runs)}
    names = {each.name for each in plots["Update ratio"].series}
    assert names == {"run: embedding", "run: blocks"}


def test_a_curve_without_a_number_is_not_drawn(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [None, None])
    assert "Training loss" not in [plot.title for plot in training_plots(data_of(tmp_path).runs)]


def test_each_run_has_a_row_with_its_best_loss(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [3, 1, 2], finished=False)
    section = training_curves(data_of(tmp_path))
    assert section and "not finished" in section.content
    assert '<td class="n">1</td><td class="n">2</td>' in section.content  # best loss, at step


def test_without_runs_there_is_no_section(tmp_path: Path) -> None:
    write_folder(tmp_path / "clean", "clean")
    assert training_curves(data_of(tmp_path)) is None
