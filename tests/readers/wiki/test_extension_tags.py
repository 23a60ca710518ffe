# ruff: noqa: E501 (one case a line)
"""Literal text, code, formulas and notes."""

import pytest

from lmkit.readers.wikitext import Page, plain_wikitext


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        # Literal text, in several scripts.
        ("Ссылка: <nowiki>[[цель|метка]]</nowiki> и <nowiki>{{имя|1}}</nowiki>.", "Ссылка: [[цель|метка]] и {{имя|1}}."),
        ("<nowiki>''強調''と[http://x y]</nowiki>", "''強調''と[http://x y]"),
        ("A <nowiki><ref></nowiki> tag. All of this stays.<ref>x</ref> The end.", "A <ref> tag. All of this stays. The end."),
        ("a<nowiki/>''b''", "ab"),
        ("<NOWIKI>&lt;b&gt; &amp;amp;</NOWIKI> &lt;i&gt;", "<b> &amp; <i>"),
        ("{{nowrap|<nowiki>a|b=}}</nowiki>}} [[x|<nowiki>]]</nowiki>]]", "a|b=}} ]]"),
        ("x<ref>a <nowiki>{{</nowiki> b</ref> y", "x y"),
        ("*<nowiki>* not a list</nowiki>", "* not a list"),
        ("<pre>\n== 見出し ==\n* {{x}}  &lt;b&gt;\n</pre>\nEnd", "== 見出し ==\n* {{x}}  <b>\n\nEnd"),
        ("<pre><nowiki>[[a]]</nowiki></pre>", "[[a]]"),
        # Source code is as it is.
        ('<syntaxhighlight lang="c">\nif (a[0] && "&lt;") {{ x; }}\n</syntaxhighlight>', 'if (a[0] && "&lt;") {{ x; }}'),
        ("the <source lang=py inline>d[[1]]</source> call", "the d[[1]] call"),
        # Code is wikitext, but what isn't known in it stays.
        ("<code>if (a < b && c > d)</code>", "if (a < b && c > d)"),
        ("<code>[[printf|print]]()</code> <code>m[[1]]</code>", "print() m[[1]]"),
        ("<code>{{Unknown|x}} {{nowrap|y}} {{{1}}}</code>", "{{Unknown|x}} y {{{1}}}"),
        ("<code>List<String> ''v'' &lt; <nowiki>''</nowiki></code>", "List<String> v < ''"),
        # Never closed: only the tag goes.
        ("a <nowiki>[[b|c]] d", "a c d"),
        ("a <ref>note and text", "a note and text"),
        ("a <pre>b\n* c", "a b\nc"),
        ("a <ref>open. Half an article.<ref>x</ref> End.", "a open. Half an article. End."),
        # Notes and pictures.
        ("a<ref name='a/b'>[[x]] {{y|<b>z</b>}}</ref>b<ref name=q />.", "ab."),
        ("a<references><ref name=x>y</ref></references>", "a"),
        ("<gallery>\nA.jpg|caption\n</gallery>x<imagemap>\ny\n</imagemap>", "x"),
        ("<includeonly>no</includeonly><noinclude>yes</noinclude><onlyinclude>!</onlyinclude>", "yes!"),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>字", "漢字"),
        ("a <!-- [[x]] <nowiki> --> b <!-- open", "a b"),
    ],
)  # fmt: skip
def test_elements_show_what_the_page_shows(source: str, shown: str) -> None:
    assert plain_wikitext(source) == shown


def test_formulas_are_their_source_or_nothing() -> None:
    text = "Für <math>\\frac{a}{b} &lt; [[c]]</math> und <chem>H2O</chem>, <math></math> Ende."
    assert plain_wikitext(text) == "Für \\frac{a}{b} < [[c]] und H2O, Ende."
    assert plain_wikitext(text, Page(math="drop")) == "Für und, Ende."
