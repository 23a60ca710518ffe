import re
from html import escape
from html import unescape as read_references

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.readers.web.fast_content import fast_content as main_content
from lmkit.readers.web.visible_text import all_content, fragment_text
from lmkit.storage.byte_ranges import CorruptInput

FLOW = "<p>Some words of a paragraph that goes before it and is long enough.</p>"
CHARACTERS = "的于、。はンー섬등กาअकسمжщéßaz19–—“”…€≤→灯😀\u2003\ufffd"  # noqa: RUF001


def test_boilerplate_is_removed_by_its_class() -> None:
    page = (
        "<body><article><h1>A</h1><p>Text of it.</p></article><div class=comments><p>No!</p></div>"
    )
    assert "No!" not in main_content(page)[0] and "Text of it." in main_content(page)[0]
    assert "No!" in all_content(page)[0]


def test_lists_and_code_are_kept() -> None:
    assert "x = 1" in fragment_text("<p>See:</p><pre><code>x = 1</code></pre>")


def visible(html: str) -> str:
    """Return the visible text of inline markup, without white space."""
    text = read_references(re.sub("<[^>]*>", "", html).replace("\0", ""))
    return re.sub(r"[ \t\n\f\r\v]", "", text)


def written(character: str) -> st.SearchStrategy[str]:
    number = ord(character)
    ways = [escape(character), f"&#{number};", f"&#x{number:x};", f"&#00{number};"]
    return st.sampled_from(ways if character != "\ufffd" else ways[:1])


pieces = st.one_of(
    st.sampled_from(CHARACTERS).flatmap(written),
    st.lists(st.sampled_from(CHARACTERS), min_size=2, max_size=3).map("".join),
    st.sampled_from(["&mdash;", "&eacute;", "&hellip;", "&amp;", "&lt;"]),
    st.sampled_from([" ", "\n ", "&#32;", "<br>", "<!-- x -->", "</em>", "<wbr>", "\x01", "\x02"]),
)
inline = st.recursive(
    st.lists(pieces, max_size=4).map("".join),
    lambda inner: st.builds(
        lambda tag, first, second: f"<{tag}>{first}</{tag}>{second}",
        st.sampled_from(["b", "i", "a", "span", "sup", "code", "a href=x"]),
        inner,
        inner,
    ).map(lambda html: re.sub(r"</(\w+) [^>]*>", r"</\1>", html)),
    max_leaves=8,
)


@given(inline)
def test_every_visible_character_of_inline_markup_is_kept(html: str) -> None:
    page = f"<body><main><p>灯a {html} z塔</p></main></body>"
    found = re.sub(r"[ \t\n\f\r\v^_()]", "", main_content(page)[0])  # x^k, p_max
    assert found == re.sub(r"[\^_()]", "", visible(f"灯a {html} z塔"))


@given(inline)
def test_white_space_is_the_same_as_in_all_content(html: str) -> None:
    page = f"<body><main><p>灯a {html} z塔</p></main></body>"
    assert main_content(page)[0] == all_content(page)[0]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<a>東京</a>と<a>大阪</a>", "東京と大阪"),
        ("<a>กรุง</a>ๆ<b>เก</b>", "กรุงๆเก"),
        ("<b>नदी</b>।<i>तट</i>", "नदी।तट"),
        ("<i>où</i> est-il <b>né</b>?", "où est-il né?"),
        ("<b>Ré</b>, <a>1&nbsp;</a>", "Ré, 1\xa0"),
        ("<b>x</b>&mdash;<b>y</b> &#8212 <b>z</b>", "x—y — z"),
        ("<b>x</b> <!-- -->—<!-- --> <b>z</b>", "x — z"),
        ("<b>a</nothing>é</b>", "aé"),
        ("<b>a</b><é<b>b</b>&é", "a<éb&é"),
        (f"<b>&#{'0' * 9_000}8212;</b><b>&#{'9' * 9_000};</b>", "—\ufffd"),
    ],
)
def test_a_text_of_three_bytes_between_tags_is_kept(html: str, text: str) -> None:
    assert f"Seen: {text}!" in main_content(f"<main><p>Seen: {html}!</p></main>")[0]


def test_characters_of_icon_fonts_and_links_to_paragraphs_are_left_out() -> None:
    page = "<p>See <i>\ue0a1</i><i>&#xf8fe;</i>this<a href=#a>¶</a> and <b>¶</b> 5</p>"
    assert main_content(page)[0] == "See this and ¶ 5"


def test_markers_do_not_occur_in_the_page() -> None:
    controls = "".join(map(chr, (*range(1, 9), *range(14, 32))))
    held = f"{controls}\U000f0000&#xf0001;&#983042;"
    page = f"<title>的</title><p title='>的<'>{held}<b>的</b></p>"
    text, tree = main_content(page)
    assert text == f"{controls}\U000f0000\U000f0001\U000f0002的"
    assert tree.title == "的"


def test_a_page_that_holds_all_possible_markers_is_refused() -> None:
    controls = map(chr, (*range(1, 9), *range(14, 32)))
    with pytest.raises(CorruptInput):
        main_content("".join(controls) + "".join(map(chr, range(0xF0000, 0x110000))) + "<b>的")


@pytest.mark.parametrize("wrapper", ["{}", "<main>{}</main>", "<div><div>{}</div></div>"])
@pytest.mark.parametrize(
    "items",
    [
        "<li>500 g de farine<li>sel",
        "<li>面粉五百克</li><li>盐</li>",
        "<li>แป้ง<ul><li>เกลือ</ul>",
        "<li><a href=1>Буря над мысом</a></li><li><a href=2>Вечер</a></li>",
    ],
)
def test_a_list_is_kept_in_any_position(wrapper: str, items: str) -> None:
    flow = f"{FLOW}<ul>{items}</ul>"
    deep = main_content(f"<div><div><div><div><div>{FLOW}<ol>{items}</ol></div></div></div></div>")
    page = f"<body>{wrapper.format(flow + FLOW)}</body>"
    found = main_content(page)[0]
    for item in re.findall(r"[^<>]+", items):
        if not re.fullmatch(r"/?(?:li|ul|a|a href=\d)", item):
            assert f"• {item}\n" in found and item in deep[0]
    assert found == all_content(page)[0]


def test_a_list_near_the_body_needs_no_paragraph_next_to_it() -> None:
    assert main_content("<body><h2>Zutaten</h2><ul><li>Mehl<li>Salz</ul>")[0] == (
        "Zutaten\n\n  • Mehl\n  • Salz"
    )
    assert "b" in main_content("<ol><li>a<ul><li>b</ul></ol>")[0]


@pytest.mark.parametrize(
    "navigation",
    [
        "<nav><ul><li>Home</ul></nav>",
        "<ul class=nav><li>Home</ul>",
        "<ul class=menu><li>Home</ul>",
        "<header><p>Site</p><ul><li><a href=/>Home</a></ul></header>",
        "<ul><li><a href=/>Home</a><li><a href=/x>News</a></ul><h1>Title</h1>",
        "<ul><li><div><div><h3>Home</h3></div></div></ul>",
    ],
)
def test_navigation_lists_are_left_out(navigation: str) -> None:
    assert "Home" not in main_content(f"<body>{navigation}<main>{FLOW}</main></body>")[0]
