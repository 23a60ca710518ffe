import pickle
from pathlib import Path

import pytest

import lmkit
from lmkit.config import options
from lmkit.errors import ConfigError
from lmkit.plugins.extension import with_plugins
from tests.plugins.lab import SOURCE


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab.py"
    path.write_text(SOURCE)
    return path


def test_the_parts_of_a_plugin_bring_their_options(lab: Path) -> None:
    extended = with_plugins(lmkit.CleanConfig, lab)
    found = {option.typed: option.description for option in options(extended)}
    before = {option.typed for option in options(lmkit.CleanConfig)}
    assert found.keys() - before == {
        *("--filters.shouting.max-capitals", "--transform.footers.begins", "--read.chat.separator"),
        "--plugin",
    }
    assert found["--transform.footers.begins"] == "How a footer begins."
    assert {option.typed for option in options(lmkit.CleanConfig)} == before


def test_a_worker_makes_the_same_options(lab: Path, tmp_path: Path) -> None:
    extended = with_plugins(lmkit.CleanConfig, lab)
    config = extended.model_validate(
        {
            "output": tmp_path / "out",
            "workers": 3,
            "filters": {"rules": "basic,shouting", "shouting": {"max_capitals": 0.1}},
            "transform": {"footers": {"begins": "Teilen"}},
        }
    )
    copy = pickle.loads(pickle.dumps(config))
    assert copy.model_dump() == config.model_dump()
    assert (copy.workers, copy.output) == (3, tmp_path / "out")
    assert [loaded.sha256 for loaded in copy.plugins] == [config.plugins[0].sha256]
    assert config.model_dump()["plugin"] == {"lab": config.plugins[0].sha256}


def test_a_typed_hash_counts_for_nothing(lab: Path) -> None:
    extended = with_plugins(lmkit.CleanConfig, lab)
    config = extended.model_validate({"output": Path("out"), "plugin": {"other": "hash"}})
    assert config.model_dump()["plugin"] == {"lab": config.plugins[0].sha256}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('names = ("shouting",)', 'names = ("gopher",)'), "rule set gopher exists already"),
        (('group = "shouting"', 'group = "c4"'), "rule set c4 exists already"),
        (('"chat", endings', '"html", endings'), "reader html exists already"),
        (('"chat", endings', '"unit", endings'), "reader unit exists already"),
        (('(".chat",)', '(".txt",)'), "ending .txt exists already"),
    ],
)
def test_a_plugin_cannot_replace_a_part(lab: Path, change: tuple[str, str], message: str) -> None:
    lab.write_text(SOURCE.replace(*change))
    with pytest.raises(ConfigError, match=message):
        with_plugins(lmkit.CleanConfig, lab)


def test_two_plugins_are_combined_and_two_of_one_name_are_refused(lab: Path) -> None:
    other = lab.with_name("other.py")
    other.write_text(
        "from lmkit.plugins import Plugin\nplugin = Plugin()\nplugin.transform('b')(lambda d: d)\n"
    )
    extended = with_plugins(lmkit.CleanConfig, lab, other)
    assert [loaded.name for loaded in extended.plugins] == ["lab", "other"]
    with pytest.raises(ConfigError, match="two plugins have the same name"):
        with_plugins(lmkit.CleanConfig, lab, lab)


def test_a_command_that_takes_no_plugins_refuses_them(lab: Path) -> None:
    with pytest.raises(ConfigError, match="pack takes no plugins"):
        with_plugins(lmkit.PackConfig, lab)
