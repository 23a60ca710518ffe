import importlib.metadata

import pytest

from lmkit import extras
from lmkit.diagnosis.software import find_extras, find_versions
from tests.diagnosis.asked import NOTHING_MEASURED

REQUIRES = [
    "torch<3,>=2",
    "absent-package>=1",
    "brotli<2; extra == 'web'",
    'other_absent[x]>=3 ; extra == "web"',
    "numpy>=2; extra == 'arrays'",
    "pytest>=9; extra == 'dev'",
]


@pytest.fixture(autouse=True)
def _requires(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(extras, "requires", lambda _: REQUIRES)


def test_packages_have_their_versions_and_a_missing_one_is_advice() -> None:
    found = find_versions(NOTHING_MEASURED)
    assert isinstance(found.facts, dict)
    assert found.facts["torch"] == importlib.metadata.version("torch")
    assert found.facts["absent-package"] == "missing"
    assert found.advice == ["reinstall lmkit: absent-package is missing"]


def test_an_extra_is_installed_where_all_of_its_packages_are() -> None:
    rows = {row["extra"]: row for row in find_extras(NOTHING_MEASURED).facts}  # type: ignore[index]
    assert set(rows) == {"web", "arrays"}
    assert rows["arrays"]["state"] == "installed"
    assert rows["web"]["state"] == "pip install 'other_absent[x]>=3'"
    assert rows["web"]["packages"].startswith("brotli ")
