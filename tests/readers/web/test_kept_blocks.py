from lxml.html import document_fromstring

from lmkit.readers.web.kept_blocks import keep_more
from lmkit.readers.web.page_blocks import page_blocks


def kept(html: str) -> list[str]:
    """Return the blocks that are kept of a page in which those with a star are selected."""
    root = document_fromstring(html)
    found = page_blocks(root)
    assert found is not None
    blocks, outer = found
    for block in blocks:
        block.is_kept = "★" in block.text
    keep_more(root, blocks, outer)
    return [block.text for block in blocks if block.is_kept]


def test_few_plain_blocks_between_kept_ones_are_kept() -> None:
    assert kept("<div><p>a★<p>b<p>c★<p>d</div>") == ["a★", "b", "c★"]
    assert kept("<div><p>a★<p class=ad>b<p>c★</div>") == ["a★", "c★"]
    assert kept("<div><p>a★<p><a href=x>b</a><p>c★</div>") == ["a★", "c★"]
    assert kept(f"<div><p>a★{'<p>b' * 9}<p>c★</div>") == ["a★", "c★"]


def test_lists_and_rows_are_kept_whole() -> None:
    for name in ("ul", "ol", "menu"):
        assert kept(f"<{name}><li>a<li>b★<li>c</{name}>") == ["a", "b★", "c"]
    assert kept("<dl><dt>a<dd>b★</dl>") == ["a", "b★"]
    assert kept("<table><tr><th>a<td>b★<tr><th>c<td>d</table>") == ["a", "b★"]


def test_the_list_that_a_kept_block_announces_is_kept() -> None:
    assert kept("<div><p>★You need:</p><ul><li>a<li>b</ul></div>") == ["★You need:", "a", "b"]
    assert kept("<div><p>★需要\uff1a</p><ol><li>甲<li>乙</ol></div>") == ["★需要\uff1a", "甲", "乙"]
    links = "<ul><li><a href=x>a</a><li><a href=y>b</a></ul>"
    assert kept(f"<div><p>★You need:</p>{links}</div>") == ["★You need:"]


def test_the_heading_of_a_kept_block_is_kept() -> None:
    assert kept("<div><h2>One</h2><p>a★</p><h2>Two</h2></div>") == ["One", "a★"]
