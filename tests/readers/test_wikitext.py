# ruff: noqa: E501, RUF001 (one case a line; these scripts are intended)
"""Markup of pages: what a reader sees comes out, and nothing else."""

import time

import pytest

from lmkit.readers.wiki.namespaces import Site
from lmkit.readers.wikitext import Page, plain_wikitext


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[[open and on", "open and on"),
        ("a {{unclosed words\nand more", "a unclosed words\nand more"),
        ("a{{Box\n|b=c\n", "a\n|b=c"),
        ("{{cite|url=x\nText", "Text"),
        ("{|\n! a\n| b\nText of the page", "Text of the page"),
        ("x-{zh", "x-{zh"),
    ],
)
def test_brackets_that_are_never_closed_are_text(source: str, shown: str) -> None:
    assert plain_wikitext(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("L''''arbre''' et l''''''eau", "L'arbre et l'eau"),
        ("= A =\n== Б ==\n===三===", "A\n\nБ\n\n三"),
        ("see [http://x.org the [old] site], [mailto:a@b.c mail], [//y.org], end", "see the [old] site, mail, end"),
        ("an array[[0,1],[2,3]] and x[0]", "an array[[0,1],[2,3]] and x[0]"),
        ("a vector<int> of List<T>, <b>bold</b>", "a vector<int> of List<T>, bold"),
        ("10<sup>6</sup> m<sup>-2</sup>, 1<sup>st</sup>, H<sub>2</sub>O", "10^6 m^-2, 1st, H2O"),
        ("__NOTOC__a __init__ in __FILE__\n__KEIN_INHALTSVERZEICHNIS__\n__目次__ b", "a __init__ in __FILE__\n\n b"),
        ("[[Файл:A.jpg|міні|підпис з [[посилання|міткою]] і {{x|[[y]]}}]]Текст", "Текст"),
        ("[[:File:A.jpg]] [[:Категорія:Вежі|вежі]]", "File:A.jpg вежі"),
    ],
)  # fmt: skip
def test_markup_of_text(source: str, shown: str) -> None:
    page = Page(Site("uk", "", {6: "Файл", 14: "Категорія"}))
    assert plain_wikitext(source, page) == shown


def test_control_characters_never_stand_for_markup() -> None:
    assert plain_wikitext("a\x010\x02b\x04c<nowiki>d</nowiki>") == "a0bcd"


OPENINGS = [
    "{{",
    "[[",
    "\n{|",
    "-{",
    "<ref>",
    "<nowiki>",
    "<code>",
    "'''''",
    "{{{",
    "{{a|",
    "[[a|b",
    "<!--",
]
MORE_OPENINGS = [
    "[//a ",
    "[//",
    "(",
    "( ",
    "\n=",
    "\n= ",
    "__A",
    "{{#if:",
    "<td>",
    "<sup>2",
    "\n|-",
    "{{x}} ",
    "{{x}},",
]
PAIRS = [
    ("{{", "}}"),
    ("[[", "]]"),
    ("\n{|", "\n|}"),
    ("-{", "}-"),
    ("<ref>", "</ref>"),
    ("{{nowrap|", "}}"),
]
MORE_PAIRS = [
    ("[[File:a|", "]]"),
    ("{{{", "}}}"),
    ("-{zh:", "}-"),
    ("{{#if:a|", "}}"),
    ("<code>", "</code>"),
]
LONG = [
    "[//" + "a" * 200_000,
    "{{convert|" + "1|to|" * 100_000,
    "-{" + "zh:a;" * 100_000 + "}-",
    "a" + " " * 500_000,
]
MORE_LONG = ["{|\n|" + "a=b " * 100_000 + "|c\n|}", "<ref>" + "<ref name=x/>" * 50_000 + "</ref>"]


@pytest.mark.parametrize(
    "text",
    [
        *(opening * 100_000 + "x" for opening in OPENINGS + MORE_OPENINGS),
        *(start * 100_000 + "x" + end * 100_000 for start, end in PAIRS + MORE_PAIRS),
        *LONG,
        *MORE_LONG,
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_hostile_text_takes_linear_time(text: str) -> None:
    page = Page(Site("zh"), tables="text")
    start = time.process_time()
    plain_wikitext(text, page)
    assert time.process_time() - start < 20  # about one second; a quadratic one takes minutes


def test_twice_the_depth_takes_about_twice_the_time() -> None:
    def seconds(number: int) -> float:
        start = time.process_time()
        plain_wikitext("{{a|[[b|" * number + "x" + "]]}}" * number)
        return time.process_time() - start

    assert min(seconds(40_000) for _ in range(3)) < 30 * min(seconds(4_000) for _ in range(3))
