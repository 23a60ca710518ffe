from lmkit.readers.wikitext import plain_wikitext


def test_brackets_that_are_never_closed_are_text() -> None:
    assert plain_wikitext("[[open and on") == "open and on"
