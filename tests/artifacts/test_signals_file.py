from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmkit.artifacts import signals_file as signals_file
from lmkit.artifacts.signals_file import SignalsFile, read_signals
from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import LmkitError


def test_rows_are_read_in_order_with_their_reasons(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals_file, "ROWS", 2)
    Path("out/.partial").mkdir(parents=True)
    writer = TaskWriter(Path("out"), "documents", 3)
    with SignalsFile(writer) as file:
        for n in range(5):
            facts = ([f"id {n}\ud800"], ["books"], [None], ["too_short" if n else None])
            file.write(facts, {"characters": np.array([n])})
    table = read_signals([Path("out/signals-00003.parquet")])
    assert table["characters"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["id"].to_pylist()[0] == "id 0\\ud800"
    assert table["reason"].to_pylist() == [None] + ["too_short"] * 4


def test_a_task_without_documents_has_no_signals(here: Path) -> None:
    Path("out/.partial").mkdir(parents=True)
    with SignalsFile(TaskWriter(Path("out"), "documents", 0)):
        pass
    assert not list(Path("out").glob("*.parquet"))


def test_a_damaged_file_is_named(here: Path) -> None:
    Path("signals-00000.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(LmkitError, match=r"signals-00000\.parquet: cannot be read"):
        read_signals([Path("signals-00000.parquet")])


@pytest.mark.parametrize(
    "columns",
    [
        {"id": ["a"], "source": ["s"], "language": ["en"]},
        {"id": [1], "source": ["s"], "language": ["en"], "reason": ["r"]},
        {"id": ["a"], "source": ["s"], "language": ["en"], "reason": ["r"], "characters": ["x"]},
    ],
)
def test_columns_that_lmkit_does_not_write_are_refused(
    columns: dict[str, list[object]], here: Path
) -> None:
    pq.write_table(pa.table(columns), "signals-00000.parquet")
    with pytest.raises(LmkitError, match=r"signals-00000\.parquet: cannot be read .*column"):
        read_signals([Path("signals-00000.parquet")])
