import subprocess
import sys

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lmkit.storage.arrow_columns import number_column, text_column


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_string_columns_equal_those_of_pyarrow(texts: list[str | None]) -> None:
    column = text_column(texts)
    column.validate(full=True)
    assert column.equals(pa.array(texts, pa.string()))


def test_number_columns_equal_those_of_pyarrow() -> None:
    for values in (np.arange(9), np.arange(9)[::2], np.linspace(0, 1, 5), np.empty(0)):
        assert number_column(values).equals(pa.array(values))


def test_columns_are_built_without_pandas() -> None:
    code = """
import sys
import numpy
from lmkit.storage.arrow_columns import number_column, text_column
text_column(["a", None]), number_column(numpy.arange(3))
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
