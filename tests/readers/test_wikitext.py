from lmkit.readers.wikitext import plain_wikitext


def test_what_is_never_closed_is_text() -> None:
    assert plain_wikitext("[[open and on") == "open and on"
