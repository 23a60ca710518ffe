from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.digests import SIZE, digest, normal_form, normal_form_digest


def test_only_equal_texts_have_equal_digests() -> None:
    assert digest("a") == digest("a") != digest("A")
    assert len(digest("a")) == SIZE


def test_an_unpaired_surrogate_does_not_stop_the_run() -> None:
    assert digest("\ud800") != digest("\udc00")


def test_white_space_case_and_unicode_form_do_not_count() -> None:
    assert normal_form("E\u0301T\u00c9\n  x ") == normal_form("été x")
    assert normal_form("a b") != normal_form("ab")


@given(st.text(st.characters(max_codepoint=0x7F)) | st.text())
def test_the_digest_of_a_normal_form_is_the_same_by_its_bytes(text: str) -> None:
    assert normal_form_digest(text) == digest(normal_form(text))


def test_every_ascii_character_is_folded_in_bytes_as_in_text() -> None:
    for code in range(0x80):
        for text in (chr(code), f"A{chr(code)}b", f" {chr(code)}{chr(code)} x"):
            assert normal_form_digest(text) == digest(normal_form(text)), ascii(text)
