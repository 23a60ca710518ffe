import hashlib

import pytest

from lmkit.readers.provenance import document_id, refuse_binary
from lmkit.storage.byte_ranges import CorruptInput


def test_an_id_is_a_hash_of_location_and_text() -> None:
    plain = hashlib.sha256(b"books\0a/b.jsonl\x00120\0text").hexdigest()[:32]
    assert document_id("books", "a/b.jsonl", 120, None, "text") == plain
    compressed = hashlib.sha256(b"books\0a/b.jsonl.gz\x000:7\0text").hexdigest()[:32]
    assert document_id("books", "a/b.jsonl.gz", 0, 7, "text") == compressed


@pytest.mark.parametrize(
    "start",
    [b"\x1f\x8b\x08", b"%PDF-1.7", b"a\0b\0", b"PAR1\x15\x04", b"BZh91AY&SY", b"\xff\xfea\0"],
)
def test_binary_data_is_detected_by_its_first_bytes(start: bytes) -> None:
    with pytest.raises(CorruptInput, match="not what its name says"):
        refuse_binary(start)


def test_text_is_not_mistaken_for_binary_data() -> None:
    refuse_binary("BZ, PK and PAR are letters. é".encode())
    refuse_binary(b"PAR1 and PAR2 are receptors; BZhang is a name.")
