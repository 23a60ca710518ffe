import time
from pathlib import Path
from typing import Any

import pytest

from lmkit.readers.html import page_text
from lmkit.readers.options import ReaderConfig
from lmkit.readers.reader import Request
from lmkit.storage.byte_ranges import CorruptInput
from tests.readers.reading import documents, outcomes, texts_and_reasons

PARAGRAPHS = "".join(
    f"<p>This is paragraph {n} of an article about cats and dogs.</p>" for n in range(9)
)
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Cats</title>
<meta name="author" content="Ann"><meta property="article:published_time" content="2020-01-02">
<link rel="canonical" href="http://x.org/cats"></head>
<body><nav>Home News</nav><article><h1>Cats</h1>
{PARAGRAPHS}</article><div class="related-posts"><p>Ten tricks that dogs hate</p></div>
<div id="comments"><p>I disagree with all of this.</p></div></body></html>"""


def test_a_page_gives_its_article_and_its_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE)
    (document,) = documents(tmp_path / "a.html")
    assert document.text.count("of an article about") == 9
    for boilerplate in ("disagree", "tricks", "Home News"):
        assert boilerplate not in document.text
    metadata = document.metadata
    assert (metadata["title"], metadata["author"]) == ("Cats", "Ann")
    assert (metadata["language"], metadata["url"]) == ("en", "http://x.org/cats")
    (whole,) = documents(tmp_path / "a.html", html="all")
    assert "disagree" in whole.text and "Home News" in whole.text


def test_an_article_is_never_removed_by_its_class(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE.replace("<article>", '<article class="share related">'))
    (document,) = documents(tmp_path / "a.html")
    assert document.text.count("of an article about") == 9


def test_deep_nesting_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<div>" * 200_000 + "x")
    assert texts_and_reasons(outcomes(tmp_path / "a.html", max_record=2_000_000))[0].startswith(
        "! more than"
    )


def test_a_page_in_utf16_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(PAGE.encode("utf-16"))
    (document,) = documents(tmp_path / "a.html")
    assert "paragraph 8" in document.text


def metadata(html: str) -> dict[str, Any]:
    return page_text(html.encode(), Request())[1]


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ('<html xml:lang="de"><p>x', "de"),
        ('<html lang="" xml:lang="pt-BR"><p>x', "pt-BR"),
        ("<html lang=en xml:lang=de><p>x", "en"),
        ("<body lang=el><p>x", "el"),
        ("<meta http-equiv=Content-Language content=th><p>x", "th"),
        ("<meta name=language content=he><p>x", "he"),
        ("<html lang=de><meta http-equiv=content-language content=en><p>x", "de"),
        ('<meta http-equiv=Content-Language content="en, fr"><p>x', None),
        ("<html lang='not a language'><p>x", None),
    ],
)
def test_the_declared_language_is_found(html: str, language: str | None) -> None:
    assert metadata(html).get("language") == language


@pytest.mark.parametrize("mode", ["main", "fast", "all"])
@pytest.mark.parametrize(
    "html",
    [
        "<body><p>灯台</p></body>",
        "<body style='display: none'><nav><a href=/>Главная</a></nav></body>",
        "<div hidden>ซ่อน</div>",
        "<footer>Imprint</footer>",
        "<noscript><p>Sin programas.</p></noscript>",
        f"<div><noscript><article>{PARAGRAPHS}</article></noscript></div>",
        "<div class=comments><p>No!</p></div>",
        "<div style=display:none><p>Nur mit Script.</p></div>",
        "<span>" * 300 + "deep",
        "<frameset><frame src=a><noframes><body><p>No frames here.</body></noframes></frameset>",
    ],
)
def test_no_page_with_text_becomes_empty(mode: Any, html: str) -> None:
    request = Request(reading=ReaderConfig(html=mode))
    assert page_text(html.encode(), request)[0].strip()
    assert page_text(b"<p> </p><script>x</script>", request)[0].strip() == ""


def test_fallbacks_are_counted() -> None:
    request = Request()
    page_text(PAGE.encode(), request)
    assert not request.counts
    page_text(b"<div hidden>a</div>", request)
    assert request.counts == {"html_fallbacks": 1}


def test_characters_that_cannot_be_decoded_are_counted() -> None:
    request = Request()
    page = PAGE.replace("Cats<", "Γάτες \xe9\xff caf\u00e9 \ufffd<").encode()
    page = page.replace("\xe9\xff".encode(), b"\xe9 \xff")
    assert "\ufffd \ufffd caf\u00e9 \ufffd" in page_text(page, request)[0]
    assert request.counts["replaced_characters"] == 4  # the title and the heading


@pytest.mark.parametrize(
    "body",
    [
        bytes(range(256)) * 40,  # binary data
        b"\xff\xfe\xfd \xfc\xfb " * 200,  # fits no encoding that is declared
        "Маяк на мысе ".encode("cp855") * 50,
    ],
)
def test_a_page_that_is_mostly_undecodable_is_quarantined(body: bytes) -> None:
    page = b"<html lang=ru><meta charset=utf-8><title>x</title><p>" + body
    with pytest.raises(CorruptInput, match="character set"):
        page_text(page, Request(), "utf-8")


def test_pages_built_to_be_slow_are_refused_or_read_in_linear_time() -> None:
    attributes = " ".join(f"a{number}=1" for number in range(100_000))
    for html in (f"<p {attributes}>x", "<p " + "a/" * 100_000 + ">x", '<p a=">" ' + attributes):
        with pytest.raises(CorruptInput, match="attributes"):
            page_text(html.encode(), Request())
    started = time.process_time()
    table = "<table>" + "<tr><td colspan=1000 rowspan=1000>a" * 2_000
    lists = "<ul><li>x" * 900
    deep = "<div>" * 4_000 + "x"
    options = "<select>" + "<option>x" * 100_000
    hidden = "<i hidden>" * 4_000 + "x"
    for html in (table, lists, deep, options, hidden, "<math><mrow>" * 2_000 + "x"):
        page_text(html.encode(), Request())
    assert time.process_time() - started < 60


def test_long_attributes_are_no_reason_to_refuse_a_page() -> None:
    script = "<script>for (i = 0; i<n; i++) { " + "a = 1; b = '/'; " * 5_000 + "}</script>"
    assert page_text(f"<p>one two</p>{script}<!-- a<b {'c=d ' * 9_000}-->".encode(), Request())[0]
    picture = "<img src='data:image/png;base64," + "iVBOR/w0+KGgo= " * 20_000 + "'>"
    assert page_text(f"<p>one {picture} two</p>".encode(), Request())[0] == "one two"


@pytest.mark.parametrize("name", ["b", "FONT", "em", "tt"])
def test_formatting_that_is_never_closed_is_reported(tmp_path: Path, name: str) -> None:
    page = tmp_path / "a.html"
    attack = "".join(f"<p><{name} id=x{number}>x" for number in range(5_000))
    for end in ("", f"</{name}>" * 5_000):
        page.write_text(attack + end)
        assert texts_and_reasons(outcomes(page)) == [
            "! more than 1,000 unclosed elements of formatting"
        ]
    for end in ("", f"</{name}>"):  # equal ones are no attack
        page.write_text("".join(f"<p><{name}>x {number}{end}" for number in range(2_000)))
        assert texts_and_reasons(outcomes(page))[0].split()[-1] == "1999"
