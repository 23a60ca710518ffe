import pytest

from lmkit.readers.file_text import decode


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_every_form_of_unicode_is_read(encoding: str) -> None:
    assert decode("A text, in Unicode.".encode(encoding)) == "A text, in Unicode."
