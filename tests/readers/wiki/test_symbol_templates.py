"""Templates for single characters."""

from lmkit.readers.wikitext import plain_wikitext


def test_symbols_are_text_and_no_markup() -> None:
    assert plain_wikitext("a{{ndash}}b{{spaced ndash}}c{{nbsp}}d") == "a\u2013b \u2013 c d"
    assert plain_wikitext("{{nowrap|x{{!}}y{{=}}z}} {{((}}n{{))}}") == "x|y=z {{n}}"
    assert plain_wikitext("3{{times}}4{{pm}}1{{'}}") == "3\u00d74\u00b11'"
