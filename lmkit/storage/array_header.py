"""The header of a .npy file, which may be damaged or made by a stranger.

Choice: numpy reads the header as Python source. What is no header raises whatever Python's parser
raises, and a long one takes it long: those of lmkit have 128 bytes.
"""

import tokenize
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

MAX_BYTES = 4_096
_READERS: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, Any]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_array_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, whether it is in Fortran's order, and the type; read up to the values.

    Raises ValueError for anything that isn't the header of an array.
    """
    try:
        reader = _READERS[np.lib.format.read_magic(file)]
        return reader(file, max_header_size=MAX_BYTES)
    except (KeyError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError):
        raise ValueError("not the header of an array") from None
