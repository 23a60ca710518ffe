import subprocess
from pathlib import Path

import pytest

from lmkit import extras
from lmkit.extras import installation, requirements
from lmkit.storage.registry import FORMATS

PACKAGE = Path(__file__).parents[1] / "lmkit"
REQUIRES = [
    "torch<3,>=2",
    "brotli (<2,>=1.2) ; extra == 'web'",
    'other_absent[x]>=3 ; extra == "web"',
    "plain; extra == 'web'",
]


def test_a_package_is_installed_in_the_range_of_the_metadata(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "requires", lambda _: REQUIRES)
    assert requirements() == {
        None: {"torch": "torch>=2,<3"},
        "web": {
            **{"brotli": "brotli>=1.2,<2", "other_absent": "other_absent[x]>=3", "plain": "plain"},
        },
    }
    assert installation("brotli", "plain") == "pip install 'brotli>=1.2,<2' plain"


def test_without_metadata_a_package_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> list[str]:
        raise extras.PackageNotFoundError

    monkeypatch.setattr(extras, "requires", missing)
    assert installation("brotli") == "pip install brotli"


def test_a_format_names_the_package_of_the_metadata() -> None:
    for each in FORMATS:
        if each.library is not None:
            assert each.library[1] == installation(each.library[0])


def test_nothing_advises_to_install_lmkit_from_an_index() -> None:
    found = subprocess.run(
        ["grep", "-rnE", r"pip install .?lmkit", PACKAGE, "--include=*.py"],
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
