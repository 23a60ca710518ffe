# ruff: noqa: E501, RUF001 (these scripts are intended)
import bz2
import hashlib
import tracemalloc
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts import inputs as inputs_module
from lmkit.artifacts.documents_file import Document
from lmkit.artifacts.inputs import find_documents
from lmkit.errors import LmkitError
from lmkit.readers.reader import Request
from lmkit.readers.wikipedia import read_wikipedia
from lmkit.readers.wikitext import plain_wikitext
from lmkit.storage.byte_ranges import Range
from tests.readers.reading import documents, outcomes, texts_and_reasons

HEAD = '<mediawiki xml:lang="en"><siteinfo><base>https://en.wikipedia.org/wiki/Main_Page</base></siteinfo>\n'


def page(title: str, text: str, more: str = "", space: int = 0) -> str:
    inner = f"<revision><timestamp>2016-05-01T00:00:00Z</timestamp><text>{text}</text></revision>"
    return f"<page><title>{title}</title><ns>{space}</ns><id>7</id>{more}{inner}</page>\n"


def test_a_real_dump_gives_its_articles(corpora: Path) -> None:
    # gensim's tests expect 106 articles from this file.
    found = documents(corpora / "wiki" / "enwiki-shortened.xml.bz2", max_record=32_000_000)
    assert len(found) == 106
    anarchism = next(document for document in found if document.metadata["title"] == "Anarchism")
    assert anarchism.text.startswith("Anarchism is a political philosophy that advocates")
    assert anarchism.metadata["url"] == "https://en.wikipedia.org/wiki/Anarchism"
    brackets = sum(
        text.count(bracket) for text in (d.text for d in found) for bracket in ("{{", "[[", "{|")
    )
    assert brackets < 20  # of some 20,000 in the source


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_encodings_and_kinds_of_pages(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.xml"
    pages = [
        page("Café", "Un café."),
        page("Gone", "#REDIRECT [[Café]]"),
        page("Away", "x", '<redirect title="Café" />'),
        page("Talk:Café", "chat", space=1),
    ]
    text = f"<?xml version='1.0' encoding='{encoding}'?>{HEAD}{''.join(pages)}</mediawiki>"
    path.write_bytes(text.encode(encoding))
    (document,) = documents(path)
    assert (document.text, document.metadata["title"]) == ("Un café.", "Café")


def test_a_broken_page_costs_one_page(tmp_path: Path) -> None:
    bad = ["<page><title>x</b></page>\n", "<page><title>no end\n", page("y", "a & b &nosuch;")]
    bad.append(page("z", "x" * 5_000))
    for damage in bad:
        path = tmp_path / "a.xml"
        path.write_text(f"{HEAD}{page('A', 'one')}{damage}{page('B', 'two')}</mediawiki>")
        first, reason, last = texts_and_reasons(outcomes(path, max_record=2_000))
        assert (first, last) == ("one", "two") and reason.startswith("! ")


def test_an_entity_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(f'<!DOCTYPE x [<!ENTITY a "b">]>{HEAD}{page("A", "&a;")}</mediawiki>')
    (reason,) = texts_and_reasons(outcomes(path, forced="wikipedia"))
    assert "declares entities" in reason


def test_a_multistream_dump_is_divided_between_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xml.bz2"
    streams = [
        HEAD,
        *("".join(page(f"{n}-{m}", f"text {n} {m}") for m in range(5)) for n in range(60)),
    ]
    path.write_bytes(
        b"".join(bz2.compress(stream.encode()) for stream in [*streams, "</mediawiki>"])
    )
    whole = documents(path)
    assert len(whole) == 300
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 1_009)
    assert documents(path, shard_bytes=1_009) == whole


@pytest.mark.parametrize("compressed", [False, True])
def test_a_dump_of_one_stream_is_divided_between_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    noise = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(12_000)]
    pages = [page(f"A{n}", " ".join(noise[n * 40 : n * 40 + 40])) for n in range(300)]
    data = f"{HEAD}{''.join(pages)}</mediawiki>".encode()
    path = tmp_path / ("a.xml.bz2" if compressed else "a.xml")
    path.write_bytes(bz2.compress(data, 1) if compressed else data)
    whole = documents(path)
    assert [document.metadata["title"] for document in whole] == [f"A{n}" for n in range(300)]
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 50_021)
    assert documents(path, shard_bytes=50_021) == whole


def test_damage_costs_only_the_pages_of_its_block(tmp_path: Path) -> None:
    noise = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(12_000)]
    pages = [page(f"A{n}", " ".join(noise[n * 40 : n * 40 + 40])) for n in range(300)]
    data = bytearray(bz2.compress(f"{HEAD}{''.join(pages)}</mediawiki>".encode(), 1))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.xml.bz2").write_bytes(data)
    found = outcomes(tmp_path / "a.xml.bz2")
    good = [outcome for outcome in found if isinstance(outcome, Document)]
    assert len(found) - len(good) == 1  # one block of 100,000 bytes, of some eight
    assert 240 < len(good) < 300
    assert good[0].metadata["title"] == "A0" and good[-1].metadata["title"] == "A299"


def revision(text: str, number: int | None = None, time: str | None = None) -> str:
    fields = f"<id>{number}</id>" if number is not None else ""
    fields += f"<timestamp>{time}</timestamp>" if time is not None else ""
    contributor = "<contributor><id>99</id></contributor>"
    return f"<revision>\n {fields}{contributor}<text>{text}</text></revision>\n"


def history(title: str, *revisions: str, more: str = "") -> str:
    return f"<page><title>{title}</title><ns>0</ns><id>7</id>{more}\n{''.join(revisions)}</page>\n"


def read_pages(path: Path, *pages: str, **options: Any) -> list[tuple[str, str | None]]:
    path.write_text(f"{HEAD}{''.join(pages)}</mediawiki>")
    return [(d.text, d.metadata.get("date")) for d in documents(path, **options)]


OLD, MIDDLE, NEW = "2009-12-31T23:59:59Z", "2011-01-02T00:00:00Z", "2011-01-10T00:00:00Z"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_revision_of_a_history_is_the_article(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    texts = ["Ein Anfang.", "灯台は岬にある。", "ประภาคารบนเกาะ"]
    times = [OLD, MIDDLE, NEW]
    # Ids rarely follow times in imported histories.
    by_time = [revision(texts[n], (9, 30, 10)[n], times[n]) for n in order]
    by_number = [revision(texts[n], (9, 10, 100)[n], NEW) for n in order]
    without_times = [revision(texts[n], (9, 10, 100)[n]) for n in order]
    last = [revision(texts[n]) for n in order]
    found = read_pages(
        tmp_path / "a.xml",
        *(history("A", *revisions) for revisions in (by_time, by_number, without_times, last)),
    )
    assert found == [(texts[2], NEW), (texts[2], NEW), (texts[2], None), (texts[order[-1]], None)]


def test_the_newest_revision_decides_whether_a_page_is_an_article(tmp_path: Path) -> None:
    redirect = revision("#REDIRECT [[B]]", 2, MIDDLE)
    pages = [
        history("was moved", revision("Маяк.", 1, OLD), redirect),
        history("came back", redirect, revision("Маяк снова горит.", 3, NEW)),
    ]
    assert read_pages(tmp_path / "a.xml", *pages) == [("Маяк снова горит.", NEW)]


def test_a_history_may_be_longer_than_the_longest_record(tmp_path: Path) -> None:
    many = [revision(f"{n} " + "x" * 500, n, f"20{n:02}-01-01T00:00:00Z") for n in range(99)]
    long = history("B", revision("y" * 3_000, 1, NEW), revision("z", 0, OLD))
    path = tmp_path / "a.xml"
    path.write_text(f"{HEAD}{history('A', *many[50:], *many[:50])}{long}{page('C', 'c')}")
    first, reason, last = texts_and_reasons(outcomes(path, max_record=2_000))
    assert first.startswith("98 x") and reason.startswith("! longer than") and last == "c"


def test_a_truncated_history_is_reported_and_is_not_an_older_article(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    whole = history("A", revision("old", 1, OLD), revision("new", 2, NEW))
    for cut in ("<revision>\n <id>2", "</page>"):
        path.write_text(f"{HEAD}{page('B', 'b')}{whole[: whole.index(cut)]}")
        first, reason = texts_and_reasons(outcomes(path))
        assert first == "b" and reason.startswith("! truncated")
        path.write_text(f"{HEAD}{whole[: whole.index(cut)]}{page('B', 'b')}</mediawiki>")
        assert texts_and_reasons(outcomes(path)) == ["! it has no end", "b"]


@pytest.mark.parametrize(
    ("source", "visible"),
    [
        ("a {{b|{{c}}}} d", "a d"),
        ("{| class=x\n| cell\n|}\ntext", "text"),
        ("[[File:a.jpg|thumb|A [[cat]].]]Text", "Text"),
        ("[[Datei:a.jpg|mini|x]]Text", "Text"),
        ("a [[b|c]] [[d]]s", "a c ds"),
        ("see [http://x.org the site].", "see the site."),
        ("== Head ==\ntext", "Head\n\ntext"),
        ("* one\n* two", "one\ntwo"),
        ("a<ref name=x>b</ref><ref name=y />c", "ac"),
        ("5 &lt; 6 &amp;amp; x", "5 < 6 &amp; x"),
        ("Paris ({{IPA|x}}; ) is", "Paris is"),
        ("[[fr:Paris]]Text", "Text"),
    ],
)
def test_markup_becomes_the_visible_text(source: str, visible: str) -> None:
    assert plain_wikitext(source) == visible


@pytest.mark.parametrize("bracket", ["{{", "[[", "}}", "{|", "'''", "<ref>", "<!--"])
def test_deep_and_unclosed_markup_takes_linear_time(bracket: str) -> None:
    plain_wikitext(bracket * 20_000 + "x")


def dump(*pages: str, language: str = "en", **names: str) -> str:
    spaces = "".join(
        f'<namespace key="{key[1:].replace("_", "-")}" case="first-letter">{name}</namespace>'
        for key, name in {"n0": "", "n6": "File", "n14": "Category", **names}.items()
    )
    info = f"<siteinfo><namespaces>{spaces}</namespaces></siteinfo>"
    return f'<mediawiki xml:lang="{language}">{info}{"".join(pages)}</mediawiki>'


@pytest.mark.parametrize(
    ("language", "file", "category", "thumb"),
    [
        ("ka", "ფაილი", "კატეგორია", "მინი"),
        ("am", "ስዕል", "መደብ", "thumb"),
        ("he", "קובץ", "קטגוריה", "ממוזער"),
        ("zh", "File", "Category", "缩略图"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_dump_names_its_pictures_and_categories(
    tmp_path: Path, encoding: str, language: str, file: str, category: str, thumb: str
) -> None:
    text = f"[[{file}:A.jpg|{thumb}|a [[b|c]] {{{{x}}}}]]Text [[{file.lower()}:B.png]].\n\n[[{category}:D]]"
    head = f"<?xml version='1.0' encoding='{encoding}'?>"
    content = head + dump(page("A", text), language=language, n6=file, n14=category)
    (tmp_path / "a.xml").write_bytes(content.encode(encoding))
    (document,) = documents(tmp_path / "a.xml")
    assert (document.text, document.metadata["language"]) == ("Text.", language)


PAGES = [page("A", "article"), page("Wikipedia:B", "project", space=4), page("T", "t", space=10)]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("0", ["article"]),
        ("0,4", ["article", "project"]),
        ("wikipedia, Template", ["project", "t"]),
        ("Vorlage", ["t"]),
    ],
)
def test_the_chosen_namespaces_become_documents(
    tmp_path: Path, chosen: str, found: list[str]
) -> None:
    (tmp_path / "a.xml").write_text(dump(*PAGES, n4="Wikipedia", n10="Vorlage"))
    texts = [document.text for document in documents(tmp_path / "a.xml", namespaces=chosen)]
    assert texts == found


def test_an_unknown_namespace_is_named_with_those_of_the_dump(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(dump(*PAGES, n4="Wikipedia"))
    with pytest.raises(LmkitError, match=r"Portal.*\n.*4 Wikipedia"):
        documents(tmp_path / "a.xml", namespaces="0,Portal")


@pytest.mark.parametrize(
    "text",
    [
        "#REDIRECT [[A]]",
        "#перенаправление [[А]]",
        "#تحويل [[ا]]",
        "#重定向 [[甲]] {{Redirect category}}",
        "#WEITERLEITUNG: [[A#b]]\n\n[[Category:X]]",
    ],
)
def test_redirects_of_any_language_are_skipped_and_counted(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(dump(page("R", text), *PAGES))
    assert [document.text for document in documents(tmp_path / "a.xml")] == ["article"]
    counts: Counter[str] = Counter()
    (slice_,) = find_documents([tmp_path / "a.xml"], formats=["wikipedia"], forced=None).slices
    with Range(slice_.path, 0, slice_.stop) as source:
        list(read_wikipedia(slice_, source, Request(counts=counts)))
    assert counts == {"skipped_redirects": 1, "skipped_namespaces": 2}


def test_a_list_of_links_is_no_redirect(tmp_path: Path) -> None:
    text = "#[[A]]\n#See [[B]]\n#Siehe [[C]] and more text"
    (tmp_path / "a.xml").write_text(dump(page("L", text), page("M", "#Voir [[A]] et [[B]]")))
    assert len(documents(tmp_path / "a.xml")) == 2


def test_a_deleted_text_is_no_newest_revision(tmp_path: Path) -> None:
    gone = '<revision><id>9</id><timestamp>2015-01-01T00:00:00Z</timestamp><text deleted="deleted" /></revision>\n'
    for revisions in ([revision("一", 1, OLD), gone], [gone, revision("一", 1, OLD)]):
        assert read_pages(tmp_path / "a.xml", history("A", *revisions)) == [("一", OLD)]


def test_of_ten_thousand_revisions_only_the_newest_is_held(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    size = 20_000
    with path.open("w") as file:
        file.write(f"{HEAD}<page><title>A</title><ns>0</ns><id>7</id>")
        for number in range(10_000):
            order = number * 7919 % 10_000  # each once, in no order
            clock = f"{order // 3600:02}:{order // 60 % 60:02}:{order % 60:02}"
            file.write(revision(f"{order} " + "x" * size, number, f"2012-01-01T{clock}Z"))
        file.write(f"</page>{page('B', 'b')}</mediawiki>")
    tracemalloc.start()
    try:
        first, second = documents(path, max_record=100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert first.text.startswith("9999 x")
    assert second.text == "b"
    assert peak < 40_000_000  # of 200 MB


def test_pages_that_are_not_wikitext_are_their_source(tmp_path: Path) -> None:
    code = "-- [[x]] {{y}}\nreturn 'a' .. ''"
    inner = f"<revision><model>Scribunto</model><text>{code}</text></revision>"
    module = f"<page><title>Module:A</title><ns>828</ns><id>7</id>{inner}</page>"
    (tmp_path / "a.xml").write_text(dump(module))
    (document,) = documents(tmp_path / "a.xml", namespaces="828")
    assert document.text == code


def test_tables_and_formulas_are_options(tmp_path: Path) -> None:
    text = "A &lt;math&gt;x^2&lt;/math&gt;.\n{|\n| 1 || 2\n|}\nB"
    (tmp_path / "a.xml").write_text(dump(page("A", text)))
    assert documents(tmp_path / "a.xml")[0].text == "A x^2.\n\nB"
    (document,) = documents(tmp_path / "a.xml", wiki_tables="text", math="drop")
    assert document.text == "A.\n\n1 | 2\n\nB"
