"""Columns of Arrow made of Python's texts and numpy's numbers.

Choice: they are laid out here, buffer by buffer (Arrow's columnar format, "Variable-size Binary
Layout"). `pyarrow.array` does the same, but loads pandas first, where that is installed: a third of
a second, which a short run has no use for.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def text_column(values: Sequence[str | None]) -> Any:
    r"""Return a column of texts; half a surrogate pair is written by its number.

    >>> text_column(["é", None, "", "\ud800"]).to_pylist()
    ['é', None, '', '\\ud800']
    """
    pieces = [value.encode("utf-8", "backslashreplace") if value else b"" for value in values]
    ends = np.zeros(len(pieces) + 1, np.int32)
    np.cumsum([len(piece) for piece in pieces], out=ends[1:])
    there = np.array([value is not None for value in values], bool)
    buffers = (
        pa.py_buffer(ends),
        pa.py_buffer(b"".join(pieces)),
        pa.py_buffer(np.packbits(there, bitorder="little")),
    )
    return pa.StringArray.from_buffers(len(pieces), *buffers)


def number_column(values: NDArray[Any]) -> Any:
    """Return a column of numbers of a whole count of bytes.

    >>> number_column(np.array([0.5, 2])).to_pylist()
    [0.5, 2.0]
    """
    kind = pa.from_numpy_dtype(values.dtype)
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(kind, len(values), [None, buffer])
