import os

import pytest

from lmkit.readers.html_main_content import main_content
from lmkit.readers.web.fast_content import fast_content
from lmkit.readers.web.visible_text import all_content, fragment_text
from tests.readers.web.random_pages import BOILERPLATE, TAGS, page, without_space

PAGES = int(os.environ.get("LMKIT_RANDOM_PAGES", "200"))
WAYS = {"main": main_content, "fast": fast_content, "all": all_content}


@pytest.mark.parametrize("way", WAYS)
def test_every_visible_character_of_inline_markup_is_kept(way: str) -> None:
    # The fast way judges elements by their class, inline ones too.
    tags = TAGS if way == "fast" else TAGS + BOILERPLATE
    lost: list[str] = []
    for seed in range(PAGES):
        html, blocks = page(seed, tags)
        found = without_space(WAYS[way](html)[0])
        for name, text in blocks:
            if without_space(text) not in found:
                start = found.find(name + ":")
                lost.append(f"{seed}: {text!r}\n   {found[start : start + len(text) + 20]!r}")
    assert not lost, f"{len(lost)} blocks of {PAGES} pages\n" + "\n".join(lost[:12])


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("30<sup>2</sup>=900", "30²=900"),
        ("10<sup>-6</sup> kg, 10<sup>−12</sup>", "10⁻⁶ kg, 10⁻¹²"),  # noqa: RUF001
        ("H<sub>2</sub>O, SO<sub>4</sub><sup>2−</sup>", "H₂O, SO₄²⁻"),  # noqa: RUF001
        ("<sup>14</sup>C", "¹⁴C"),
        ("x<sup>n</sup> + y<sup>k</sup>", "xⁿ + y^k"),
        ("e<sup>x+y</sup>, 2<sup>0.5</sup>", "e^(x+y), 2^0.5"),
        ("a<sub>i</sub>, p<sub>max</sub>, x<sub>i+1</sub>", "aᵢ, p_max, x_(i+1)"),
        ("<i>x</i><sup><i>a</i></sup>", "x^a"),
        ("面积为5米<sup>2</sup>", "面积为5米²"),
        ("площадь 5 м<sup>2</sup>", "площадь 5 м²"),
        ("the 1<sup>st</sup>, le XIX<sup>e</sup>, M<sup>me</sup>", "the 1st, le XIXe, Mme"),
        ("see<sup><a href=#n>[3]</a></sup> and<sup><a href=#m>4</a></sup>", "see[3] and4"),
        ("a trade mark<sup>TM</sup>, a note<sup>注</sup>", "a trade markTM, a note注"),
        ("<sub>a whole sentence in small print, which is no index</sub>",) * 2,
    ],
)
def test_exponents_and_indices_say_what_they_are(html: str, text: str) -> None:
    text = text.removeprefix("<sub>").removesuffix("</sub>")
    for way in WAYS.values():
        page = (
            f"<article><p>The sea. </p><p>{html}</p><p>{'It is deep and blue. ' * 20}</p></article>"
        )
        assert f"\n{text}\n" in way(page)[0]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ruby>階<rt>かい</rt>段<rt>だん</rt></ruby>", "階段"),
        ("<ruby>漢<rp>(</rp><rt>ㄏㄢˋ</rt><rp>)</rp></ruby>字", "漢字"),
        (
            "<ruby><rb>旧</rb><rb>金</rb><rt>jiù</rt><rt>jīn</rt><rtc><rt>San</rt></rtc></ruby>",
            "旧金",
        ),
        ("<ruby>北<rt>きた</ruby>の", "北の"),
    ],
)
def test_of_ruby_the_base_is_kept(html: str, text: str) -> None:
    for way in WAYS.values():
        page = (
            f"<article><p>The sea. </p><p>{html}</p><p>{'It is deep and blue. ' * 20}</p></article>"
        )
        assert f"\n{text}\n" in way(page)[0]


def test_what_no_reader_sees_is_left_out() -> None:
    unseen = [
        "<p hidden>x</p>",
        "<p style='color: red; DISPLAY : none'>x</p>",
        "<i style=visibility:hidden>x</i>",
        "<template><p>x</template>",
        "<script>x</script><style>x</style><noscript>x</noscript>",
        "<dialog>x</dialog><datalist><option>x</datalist><canvas>x</canvas>",
        "<svg><title>x</title><text>x</text></svg><title>x</title>",
    ]
    assert fragment_text("<p>one</p>" + "".join(unseen) + "<p>two</p>") == "one\n\ntwo"
    seen = "<p hidden=until-found>a</p><p aria-hidden=true>b</p><p style='display:block'>c</p>"
    assert fragment_text(seen).split() == ["a", "b", "c"]


def test_nothing_is_glued_and_nothing_visible_is_left_out() -> None:
    names = ("details", "dialog open", "fieldset", "figure", "menu", "search", "center", "xmp")
    for block in names:
        found = fragment_text(f"a<{block}>b</{block.split()[0]}>c")
        assert found.replace("•", "").split() == ["a", "b", "c"]
    details = "<details><summary>Mehr</summary>davon</details>"
    fieldset = "<fieldset><legend>Wahl</legend>ja</fieldset>"
    assert fragment_text(details + fieldset).split() == ["Mehr", "davon", "Wahl", "ja"]
    figure = "<figure><img alt=x><figcaption>The cape</figcaption></figure>"
    assert fragment_text(f"<p>a</p>{figure}<p>b</p>").split() == ["a", "The", "cape", "b"]
    controls = "<p>Name <label>first</label> <button>OK</button> <output>3</output></p>"
    assert fragment_text(controls).split() == ["Name", "first", "OK", "3"]
    table = "<table><tr><th>a<th>b<tr><td>1<td><ul><li>x<li>y</ul></table>"
    assert fragment_text(table).replace("•", "").split() == ["a", "b", "1", "x", "y"]


def test_what_is_empty_does_not_change_what_follows() -> None:
    for empty in ("ul", "ol", "menu", "pre", "dl", "blockquote", "table", "ul><li></li></ul><ul"):
        closed = empty.rpartition("<")[2]
        html = f"<h2>x</h2><{empty}></{closed}><p>a</p><p>b</p>"
        assert fragment_text(html) == "x\n\na\n\nb", empty


def test_what_is_not_kept_leaves_no_sign_of_a_list() -> None:
    items = "".join(f"<li><a href=/{n}>Section {n}</a></li>" for n in range(9))
    sea = "<p>The sea is deep and blue, and the old lighthouse stands above it. </p>" * 9
    for name in ("ul", "ol", "menu"):
        html = f"<body><nav><{name}>{items}</{name}></nav><article>{sea}</article>"
        found = main_content(html)[0]
        assert found.startswith("The sea")
        assert found.endswith("above it.")


@pytest.mark.parametrize("opened", ["<ul><li>", "<ol><li>", "<menu><li>", "<ul>", "<ul><div><ol>"])
def test_deeply_nested_lists_are_not_indented_without_limit(opened: str) -> None:
    shallow, deep = (
        fragment_text(opened * 3 + "<p>x<p>x"),
        fragment_text(opened * 2_000 + "<p>x" * 99),
    )
    assert "  x" in shallow
    assert deep.split().count("x") == 99
    assert len(deep) < 20_000
