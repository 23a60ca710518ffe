from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document
from lmkit.filters.url_blocklist import BlockLists, host_of, urls_of

DOMAINS = """\
# a comment
bad.example
0.0.0.0 hosts.example   # as in a hosts file
::1 localhost
*.star.example
https://www.whole.example/path
||adblock.example^
bücher.example
"""


@pytest.fixture
def lists(tmp_path: Path) -> BlockLists:
    (tmp_path / "domains").write_text(DOMAINS)
    (tmp_path / "words").write_text("sex\nCasino\n")
    return BlockLists([tmp_path / "domains"], [tmp_path / "words"])


@pytest.mark.parametrize(
    ("address", "listed"),
    [
        ("http://bad.example/x", True),
        ("https://a.b.bad.example:8080/", True),
        ("https://WWW.BAD.example.", True),
        ("https://user:word@bad.example/", True),
        ("//bad.example", True),
        ("http://notbad.example/", False),
        ("http://bad.example.org/", False),
        ("http://good.example/bad.example", False),
        ("http://good.example/?to=//bad.example", False),
        ("http://hosts.example", True),
        ("http://localhost/", False),
        ("http://x.star.example", True),
        ("http://whole.example/other", True),
        ("http://adblock.example", True),
        ("http://xn--bcher-kva.example/", True),
        ("http://bücher.example/", True),
        ("not a URL", False),
        ("", False),
    ],
)
def test_a_listed_domain_includes_its_subdomains(
    lists: BlockLists, address: str, listed: bool
) -> None:
    assert lists.listed_domains([address]) == listed


def test_only_complete_words_count(lists: BlockLists) -> None:
    assert lists.listed_words(["http://x.example/live-SEX/casino.html"]) == 2
    assert lists.listed_words(["http://essex.example/casinos", "http://middlesex.example"]) == 0


def test_a_document_has_the_urls_in_its_metadata() -> None:
    document = Document("0", "", "s", {"url": "https://a.example", "origin": "http://b.example/"})
    assert urls_of(document) == ["https://a.example", "http://b.example/"]
    assert urls_of(Document("0", "", "s", {"url": 3, "origin": "books/a.txt"})) == []


@given(st.text(st.characters(exclude_categories=())))
def test_no_url_raises(text: str) -> None:
    lists = BlockLists([], [])
    for address in (text, f"http://{text}", f"//{text}/"):
        assert lists.listed_domains([address]) == lists.listed_words([address]) == 0
        assert "/" not in host_of(address)
