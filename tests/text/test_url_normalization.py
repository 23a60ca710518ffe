import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.url_normalization import normalized_url


@pytest.mark.parametrize(
    "urls",
    [
        # RFC 3986, section 6.2.3
        (
            "http://example.com",
            "http://example.com/",
            "http://example.com:/",
            "http://example.com:80/",
        ),
        # RFC 3986, section 6.2.2, with the http scheme
        ("http://a/b/c/%7Bfoo%7D", "hTTP://A/./b/../b/%63/%7bfoo%7d"),
        # RFC 3986, section 5.2.4
        ("http://h/a/b/c/./../../g", "http://h/a/g"),
        # w3lib's documentation of canonicalize_url
        (
            "http://www.example.com/do?c=3&b=5&b=2&a=50",
            "http://www.example.com/do?a=50&b=2&b=5&c=3",
        ),
        # RFC 3492's encoding of host names; the pair is Wikipedia's example of it
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("https://example.org/é", "https://example.org/%C3%A9"),
        ("https://example.org/a", "http://www.example.org/a/", "http://example.org./a#part"),
        ("http://e.org/x/index.html", "http://e.org/x"),
        ("http://e.org/x?id=1&utm_source=a&fbclid=b", "http://e.org/x?id=1"),
        ("http://e.org/x;jsessionid=0A", "http://e.org/x"),
        ("https://e.org/page", "https://e.org/page#top", "https://e.org/page#:~:text=So%20it"),
        ("https://e.org/#/a/1", "https://e.org/#/a/1/", "https://e.org#/a/%31#top"),
        ("https://e.org/#/a", "https://e.org/#/a:~:text=x", "https://e.org/#/a?utm_source=x"),
        ("https://e.org/#!/a?b=1&c=2", "https://e.org/#!/a?c=2&b=1"),
        ("https://e.org/", "https://e.org/#/", "https://e.org/#!"),
    ],
)
def test_urls_of_one_page_are_equal(urls: tuple[str, ...]) -> None:
    assert len({normalized_url(url) for url in urls}) == 1
    assert normalized_url(urls[0]) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://e.org/a", "http://e.org/A"),
        ("http://e.org/?id=1", "http://e.org/?id=2"),
        ("http://e.org/a%2Fb", "http://e.org/a/b"),
        ("http://e.org:8080/", "http://e.org/"),
        ("http://e.org/#!/one", "http://e.org/#!/two"),
        ("http://e.org/#!one", "http://e.org/#!two"),
        ("http://e.org/#/articles/1", "http://e.org/#/articles/2"),
        ("http://e.org/#/articles/1", "http://e.org/"),
        ("http://e.org/app#users/1", "http://e.org/app#users/2"),
        ("http://e.org/#/list?page=1", "http://e.org/#/list?page=2"),
        ("http://e.org/?a=1#/x", "http://e.org/?a=2#/x"),
        ("http://e.org/?a=b%26c", "http://e.org/?a=b&c"),
        ("http://e.org/?ref=one", "http://e.org/?ref=two"),
        ("http://www.com/", "http://com/"),
    ],
)
def test_urls_of_different_pages_are_not(one: str, other: str) -> None:
    assert normalized_url(one) != normalized_url(other)


@pytest.mark.parametrize(
    "text",
    ["", "page.html", "mailto:a@b.org", "http://", "http://[::1", "http://e.org:x/", "ftp://a/b"],
)
def test_other_urls_have_no_normal_form(text: str) -> None:
    assert normalized_url(text) is None


@given(st.text(), st.text(), st.text(st.sampled_from("/!#?&=:~ab%")))
def test_a_normalized_url_is_unchanged(path: str, query: str, fragment: str) -> None:
    once = normalized_url(f"http://example.org/{path}?{query}#{fragment}")
    assert once is None or normalized_url(f"http://{once}") == once


def test_half_a_character_in_a_url_is_the_replacement_character() -> None:
    for url in ("http://a.example/%s?b=%s#/%s", "http://%s.example/"):
        one, other = (url.replace("%s", half) for half in ("\ud800", "\ufffd"))
        assert normalized_url(one) == normalized_url(other)
