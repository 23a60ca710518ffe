from lmkit.readers.byte_buffer import Pieces


def test_bytes_are_counted_searched_and_given_back() -> None:
    pieces = Pieces(iter([b"ab", b"cde", b"f"]))
    assert pieces.take(3) == b"abc" and pieces.position == 3
    pieces.give_back(b"bc")
    assert pieces.peek(3) == b"bcd" and pieces.skip_to(b"e")
    assert pieces.position == 4 and pieces.take(9) == b"ef" and not pieces.skip_to(b"x")
