import pytest

from lmkit.readers.byte_buffer import Pieces
from lmkit.readers.xml_elements import decoded, elements
from lmkit.storage.byte_ranges import Damaged


def test_elements_are_found_across_pieces() -> None:
    pieces = Pieces(iter([b"x<a", b">1</", b"a><a>2</a>"]))
    found = list(elements(pieces, b"<a>", b"</a>", 100, "long"))
    assert found == [(1, b"<a>1</a>"), (9, b"<a>2</a>")]


@pytest.mark.parametrize("name", [b"klingon", b"utfz8", b"rot13", b"hex"])
def test_unknown_encodings_are_taken_for_utf_8(name: bytes) -> None:
    _, encoding = decoded(iter([b"<?xml version='1.0' encoding='%s'?>" % name]))
    assert encoding == "utf-8"


def test_declarations_of_entities_are_refused() -> None:
    with pytest.raises(Damaged, match="entities"):
        decoded(iter([b"<!DOCTYPE x [<!ENTITY a 'b'>]>"]))
