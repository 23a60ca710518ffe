# ruff: noqa: RUF001 (these scripts are intended)
"""Every form of https://www.mediawiki.org/wiki/Writing_systems/Syntax."""

import pytest

from lmkit.readers.wiki.language_variants import has_variants, variant_text
from lmkit.readers.wiki.namespaces import Site
from lmkit.readers.wikitext import Page, plain_wikitext


def shown(language: str, text: str) -> str:
    return plain_wikitext(text, Page(Site(language)))


@pytest.mark.parametrize(
    ("language", "source", "text"),
    [
        ("zh", "由-{zh-hans:计算机;zh-hant:電腦}-控制", "由计算机控制"),
        ("zh", "由-{zh-hant:電腦;zh-hans:计算机;}-控制", "由计算机控制"),
        ("zh", "-{zh-tw:軟體; zh-cn:软件; zh-hk:軟件}-", "软件"),
        ("zh", "-{ZH-TW:軟體}-", "軟體"),
        ("zh", "-{乾}-隆", "乾隆"),
        ("zh", "-{R|乾隆}-年", "乾隆年"),
        ("zh", "a-{T|zh-hans:灯塔史;zh-hant:燈塔史}-b-{H|zh-cn:x}-c-{-|zh-cn:x}-d", "abcd"),
        ("zh", "-{A|zh-hans:出租车;zh-hant:計程車}-", "出租车"),
        ("zh", "-{D|zh-hans:出租车;zh-hant:計程車}-", "出租车"),
        ("zh", "-{zh-hans;zh-hant|文字}-", "文字"),
        ("zh", "-{H|巨集=>zh-cn:宏;}-x-{巨集=>zh-cn:宏;}-", "x宏"),
        ("zh", "-{zh-hans:[[电脑|计算机]]{{nowrap|甲}};zh-hant:[[電腦]]}-", "计算机甲"),
        ("zh", "-{zh-hans:甲-{zh-hans:乙;zh-hant:丙}-;zh-hant:丁}-", "甲乙"),
        ("zh", "-{zh-hans:a&nbsp;b;zh-hant:c}-", "a\u00a0b"),
        ("zh", "[[电脑|-{zh-cn:计算机;zh-tw:電腦}-]]", "计算机"),
        ("sr", "-{sr-el:voda;sr-ec:вода}- -{H2O}-", "вода H2O"),
        ("sr", "-{sr-latn:voda;sr-cyrl:вода}-", "вода"),
        ("kk", "-{kk-latn:su;kk-cyrl:су;kk-arab:سۋ}-", "су"),
        ("ku", "-{ku-arab:ئاو;ku-latn:av}-", "av"),
        ("uz", "-{uz-cyrl:сув;uz-latn:suv}-", "suv"),
        ("iu", "-{ike-latn:imaq;ike-cans:ᐃᒪᖅ}-", "ᐃᒪᖅ"),
        ("shi", "-{shi-latn:aman;shi-tfng:ⴰⵎⴰⵏ}-", "ⴰⵎⴰⵏ"),
        ("tg", "-{tg-latn:ob;tg:об}-", "об"),
        ("gan", "-{gan-hant:電腦;gan-hans:电脑}-", "电脑"),
        ("crh", "-{crh-cyrl:сув;crh-latn:suv}-", "suv"),
    ],
)
def test_one_variant_is_shown_without_markup(language: str, source: str, text: str) -> None:
    assert shown(language, source) == text


@pytest.mark.parametrize("language", ["en", "ru", "zh-min-nan", "yue"])
def test_other_languages_have_no_such_markup(language: str) -> None:
    for text in ("x -{zh-hans:a;zh-hant:b}- y", "if (a) -{b}- else", "10-{20}-30"):
        assert shown(language, text) == text
    assert has_variants(language) is False


def test_where_the_language_is_not_known_the_markup_must_be_certain() -> None:
    assert shown("", "a -{ b }- c -{zh-cn:d;zh-tw:e}-") == "a -{ b }- c d"
    assert variant_text("R|x", certain=False) == "x"
