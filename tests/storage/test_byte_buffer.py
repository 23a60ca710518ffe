from lmkit.storage.byte_buffer import ByteBuffer


def test_bytes_are_counted_searched_and_unread() -> None:
    pieces = ByteBuffer(iter([b"ab", b"cde", b"f"]))
    assert pieces.take(3) == b"abc" and pieces.position == 3
    pieces.unread(b"bc")
    assert pieces.peek(3) == b"bcd" and pieces.skip_to(b"e")
    assert pieces.position == 4 and pieces.take(9) == b"ef" and not pieces.skip_to(b"x")
