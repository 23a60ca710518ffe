import json
from pathlib import Path
from typing import Any

import pytest

from tests.readers.reading import documents, outcomes, texts_and_reasons


def test_cells_become_text_and_fenced_code(tmp_path: Path) -> None:
    notebook: dict[str, Any] = {
        "nbformat": 4,
        "metadata": {"language_info": {"name": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# Turm\n", "\u706f\u5854\n"]},
            {"cell_type": "code", "source": "x = 1\nx", "outputs": [{"text": ["secret"]}]},
            {"cell_type": "code", "source": []},
            {"cell_type": "code", "source": 'print("""```""")'},
            {"cell_type": "raw", "source": "raw"},
        ],
    }
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    (document,) = documents(tmp_path / "a.ipynb")
    assert document.text == (
        "# Turm\n\u706f\u5854\n\n```python\nx = 1\nx\n```\n\n"
        '````python\nprint("""```""")\n````\n\nraw'
    )
    assert document.metadata["programming_language"] == "python"
    assert [one.text for one in documents(tmp_path)] == [document.text]


def test_older_notebooks_have_worksheets(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Titel"]},
        {"cell_type": "code", "input": ["a <- 1"], "language": "R", "outputs": [1]},
    ]
    notebook = {"nbformat": 3, "worksheets": [{"cells": cells}, {"cells": []}]}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    (document,) = documents(tmp_path / "a.ipynb")
    assert document.text == "## Titel\n\n```R\na <- 1\n```"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{oops", "not JSON"),
        ("[]", "not a notebook: no object"),
        ('{"cells": 3}', "not a notebook: no cells"),
        ('{"cells": [3]}', "not a notebook: a cell that is no object"),
        ('{"cells": [{"source": [3]}]}', "not a notebook: a cell whose source is no text"),
    ],
)
def test_what_is_no_notebook_is_listed(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "a.ipynb").write_text(content)
    (found,) = texts_and_reasons(outcomes(tmp_path / "a.ipynb"))
    assert found.startswith(f"! {reason}")
