from pathlib import Path

from lmkit.reporting.sections.option_differences import differing_options, option_differences
from tests.reporting.folders import data_of, write_folder


def test_only_what_differs_is_listed(tmp_path: Path) -> None:
    for name, lr in {"a": 0.003, "b": 0.001}.items():
        config = {"steps": 10, "optim": {"lr": lr, "weight_decay": 0.1}}
        write_folder(tmp_path / name, "pretrain", config)
    data = data_of(tmp_path)
    expected = [{"option": "--optim.lr", "a": "0.003", "b": "0.001"}]
    assert differing_options(data.folders("pretrain")) == expected
    section = option_differences(data)
    assert section and "--optim.lr" in section.content


def test_a_single_folder_of_each_command_has_no_differences(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", "pretrain")
    write_folder(tmp_path / "b", "pack")
    assert option_differences(data_of(tmp_path)) is None
