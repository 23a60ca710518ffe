"""Templates that show their arguments, in the middle of sentences."""

import pytest

from lmkit.readers.wikitext import plain_wikitext


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{nowrap|200 steps}} {{Nobr|1=a = b}} {{nowrap|E = mc2}}", "200 steps a = b E = mc2"),
        ("ein {{lang|fr|mot}}, {{lang-ru|слово}}, {{langue|en|word}}", "ein mot, слово, word"),
        ("{{transl|ja|HEP|kotoba}} {{nihongo|word|言葉|kotoba}}", "kotoba word (言葉, kotoba)"),
        ("{{abbr|UNO|United Nations}} {{small|x}} {{color|red|rot}}", "UNO x rot"),
        ("{{w|granite|granite quarries}} {{w|x}}", "granite quarries x"),
        (
            "{{ill|Anna|de}} {{нп5|Дом|дома|en|House}} {{仮リンク|灯台|en|Lighthouse}}",
            "Anna дома 灯台",
        ),
        ('{{"|Ja}} {{sic|teh}} {{sic|hide=y|teh}}', "\u201cJa\u201d teh [sic] teh"),
        ("{{math|''x''{{sup|2}}}} {{mvar|y}} {{chem|H|2|O}}", "x^2 y H2O"),
        ("{{euro|5}} {{£|3}} {{US$|7}}", "€5 £3 US$7"),
        ("{{Template:nowrap|a}} {{ nowrap_ |b}}", "a b"),
        # What isn't known is removed, and leaves no gap.
        ("Name {{unknown|x}}, {{other}} (born {{age|1}}).", "Name, (born)."),
        ("one{{unknown}}two {{cn}} three{{efn|x}}, four", "one two three, four"),
        ("{{Infobox\n| a = {{nowrap|b}}\n}}\nText", "Text"),
    ],
)
def test_templates_in_sentences(source: str, shown: str) -> None:
    assert plain_wikitext(source) == shown


def test_quotations_and_lists_are_blocks() -> None:
    assert plain_wikitext("a\n{{quote|text=Ja.|author=x}}\nb") == "a\n\nJa.\n\nb"
    assert plain_wikitext("a\n{{ubl|b|c}}\nd").split() == ["a", "b", "c", "d"]
