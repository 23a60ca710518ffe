import pytest

from lmkit.readers.xml_elements import decoded
from lmkit.storage.byte_ranges import CorruptInput


@pytest.mark.parametrize("name", [b"klingon", b"utfz8", b"rot13", b"hex"])
def test_unknown_encodings_are_read_as_utf_8(name: bytes) -> None:
    _, encoding = decoded(iter([b"<?xml version='1.0' encoding='%s'?>" % name]))
    assert encoding == "utf-8"


def test_declarations_of_entities_are_refused() -> None:
    with pytest.raises(CorruptInput, match="entities"):
        decoded(iter([b"<!DOCTYPE x [<!ENTITY a 'b'>]>"]))
