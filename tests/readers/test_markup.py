import pytest

from lmkit.artifacts.streams import Damaged
from lmkit.readers.markup import decoded, elements
from lmkit.readers.pieces import Pieces


def test_elements_are_found_across_pieces() -> None:
    pieces = Pieces(iter([b"x<a", b">1</", b"a><a>2</a>"]))
    found = list(elements(pieces, b"<a>", b"</a>", 100, "long"))
    assert found == [(1, b"<a>1</a>"), (9, b"<a>2</a>")]


def test_unknown_encodings_are_told() -> None:
    with pytest.raises(Damaged, match="nobody knows"):
        decoded(iter([b"<?xml version='1.0' encoding='klingon'?>"]))
