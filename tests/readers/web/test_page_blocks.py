from lxml.html import document_fromstring

from lmkit.readers.web.page_blocks import (
    MAX_DEPTH,
    all_signs,
    block_codes,
    codes_in,
    page_blocks,
    unused_signs,
)


def blocks_of(html: str) -> list[str]:
    found = page_blocks(document_fromstring(html))
    assert found is not None
    return [block.text for block in found[0]]


def test_a_block_ends_where_a_block_element_begins_or_ends() -> None:
    assert blocks_of("<div>a<b>b</b>c<p>d</p>e<hr>f</div>") == ["abc", "d", "e", "f"]
    assert blocks_of("<ul><li>ein <i>Haus</i><li>море</ul>") == ["ein Haus", "море"]
    assert blocks_of("<p>x<script>y</script>z</p>") == ["xz"]


def test_the_code_stands_before_the_longest_text_that_is_likely_to_be_kept() -> None:
    root = document_fromstring("<p>one <time>a long date, of many words</time> three four</p>")
    found = page_blocks(root)
    assert found is not None
    (block,) = found[0]
    block.mark("★")
    assert root.text_content() == "one a long date, of many words★ three four"
    block.mark("★", remove=True)
    assert root.text_content() == "one a long date, of many words three four"
    block.clear()
    assert root.text_content() == ""


def test_elements_with_blocks_in_them_are_known() -> None:
    root = document_fromstring("<body><div id=a>x<div id=b>y</div></div><div id=c><i>z</i></div>")
    found = page_blocks(root)
    assert found is not None
    assert {element.get("id") for element in found[1]} >= {"a"}
    assert not {element.get("id") for element in found[1]} & {"b", "c"}


def test_a_page_that_is_too_deep_has_no_blocks() -> None:
    assert page_blocks(document_fromstring("<div>" * (MAX_DEPTH + 1) + "x")) is None


def test_codes_are_different_and_found_again() -> None:
    signs = unused_signs(set("a→b★"))
    assert "→" not in signs
    assert "★" not in signs
    assert len(signs) == len(all_signs()) - 2
    for number in (0, 5, len(signs) + 5):
        codes = block_codes(signs, number)
        assert len(set(codes)) == len(codes) == number
        wanted = set(codes[::2])
        assert codes_in("".join(f"{code} x" for code in codes[::2]), codes) == wanted
