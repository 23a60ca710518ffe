from lmkit.text.digests import SIZE, digest, normal_form


def test_only_equal_texts_have_equal_digests() -> None:
    assert digest("a") == digest("a") != digest("A")
    assert len(digest("a")) == SIZE


def test_an_unpaired_surrogate_does_not_stop_the_run() -> None:
    assert digest("\ud800") != digest("\udc00")


def test_white_space_case_and_unicode_form_do_not_count() -> None:
    assert normal_form("E\u0301T\u00c9\n  x ") == normal_form("été x")
    assert normal_form("a b") != normal_form("ab")
