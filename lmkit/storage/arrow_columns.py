"""Arrow columns built from Python strings and numpy arrays.

Choice: they are built here, buffer by buffer (Arrow's columnar format, "Variable-size Binary
Layout"). `pyarrow.array` does the same, but imports pandas first if it is installed: a third of a
second that a short run should not pay.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def text_column(values: Sequence[str | None]) -> Any:
    r"""Return a column of strings; a lone surrogate is written as a backslash escape.

    >>> text_column(["é", None, "", "\ud800"]).to_pylist()
    ['é', None, '', '\\ud800']
    """
    pieces = [value.encode("utf-8", "backslashreplace") if value else b"" for value in values]
    ends = np.zeros(len(pieces) + 1, np.int32)
    np.cumsum([len(piece) for piece in pieces], out=ends[1:])
    is_valid = np.array([value is not None for value in values], bool)
    buffers = (
        pa.py_buffer(ends),
        pa.py_buffer(b"".join(pieces)),
        pa.py_buffer(np.packbits(is_valid, bitorder="little")),
    )
    return pa.StringArray.from_buffers(len(pieces), *buffers)


def number_column(values: NDArray[Any]) -> Any:
    """Return a column of numbers whose size is a whole number of bytes.

    >>> number_column(np.array([0.5, 2])).to_pylist()
    [0.5, 2.0]
    """
    kind = pa.from_numpy_dtype(values.dtype)
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(kind, len(values), [None, buffer])
