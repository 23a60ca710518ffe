from io import BytesIO

import numpy as np
import pytest

from lmkit.storage.array_header import read_array_header


def stored(header: bytes, version: tuple[int, int] = (1, 0)) -> BytesIO:
    length = len(header).to_bytes(2 if version == (1, 0) else 4, "little")
    return BytesIO(np.lib.format.magic(*version) + length + header)


def test_the_header_of_numpy_is_read_up_to_the_values() -> None:
    file = BytesIO()
    np.save(file, np.arange(3, dtype="<u2"))
    file.seek(0)
    assert read_array_header(file) == ((3,), False, np.dtype("<u2"))
    assert file.read() == b"\0\0\1\0\2\0"


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"{", b"(" * 3_000, b"[" * 60_000, b"'", b'"""\n', b"None", b"1", b"\0", b"\xff"),
        *(b"{'descr': '|O'}", b"{'descr': 1, 'fortran_order': 1, 'shape': 1}", b"{{}: 1}"),
        b"{'descr': '<u2', 'fortran_order': False, 'shape': (3,), 'x': __import__('os')}",
    ],
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (9, 9)])
def test_what_is_no_header_is_a_value_error(header: bytes, version: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_array_header(stored(header, version))


def test_a_header_that_asks_for_much_memory_is_refused() -> None:
    start = np.lib.format.magic(2, 0) + b"\xff\xff\xff\xff"
    with pytest.raises(ValueError, match=r"."):
        read_array_header(BytesIO(start + b"{}"))
