from pathlib import Path

from tests.readers.reading import documents, outcomes, told

PARAGRAPHS = "".join(
    f"<p>This is paragraph {n} of an article about cats and dogs.</p>" for n in range(9)
)
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Cats</title>
<meta name="author" content="Ann"><meta property="article:published_time" content="2020-01-02">
<link rel="canonical" href="http://x.org/cats"></head>
<body><nav>Home News</nav><article><h1>Cats</h1>
{PARAGRAPHS}</article><div class="related-posts"><p>Ten tricks that dogs hate</p></div>
<div id="comments"><p>I disagree with all of this.</p></div></body></html>"""


def test_a_page_gives_its_article_and_what_it_says_about_itself(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE)
    (document,) = documents(tmp_path / "a.html")
    assert document.text.count("of an article about") == 9
    for side in ("disagree", "tricks", "Home News"):
        assert side not in document.text
    metadata = document.metadata
    assert (metadata["title"], metadata["author"]) == ("Cats", "Ann")
    assert (metadata["language"], metadata["url"]) == ("en", "http://x.org/cats")
    (whole,) = documents(tmp_path / "a.html", html="all")
    assert "disagree" in whole.text and "Home News" in whole.text


def test_an_article_is_not_cut_out_whatever_its_class_is(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE.replace("<article>", '<article class="share related">'))
    (document,) = documents(tmp_path / "a.html")
    assert document.text.count("of an article about") == 9


def test_deep_nesting_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<div>" * 200_000 + "x")
    assert told(outcomes(tmp_path / "a.html", max_record=2_000_000))[0].startswith("! more than")


def test_a_page_in_utf16_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(PAGE.encode("utf-16"))
    (document,) = documents(tmp_path / "a.html")
    assert "paragraph 8" in document.text
