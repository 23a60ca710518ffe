import pytest

from lmkit.readers.html_main_content import main_content

FRAME = "The lighthouse on the northern cape was built in 1873 from granite that was cut there. "
FLOW = f"<p>{FRAME * 2}</p>"


def main(html: str) -> str:
    return main_content(f"<body>{html}</body>")[0]


def flat(html: str) -> str:
    return " ".join(main(html).split())


def test_boilerplate_is_left_out() -> None:
    page = (
        f"<nav><a href=/>Home</a></nav><article><h1>The tower</h1>{FLOW * 3}</article>"
        f"<div id=comments><p>I disagree.</p></div><footer>Imprint</footer>"
    )
    text = main(page)
    assert text.startswith("The tower\n\nThe lighthouse") and text.count("granite") == 6
    for boilerplate in ("Home", "disagree", "Imprint"):
        assert boilerplate not in text


@pytest.mark.parametrize(
    "words",
    [
        "Yes, it is so.",
        "다시 한 번 그렇다.",
        "再び灯台へ。",
        "И снова здесь, тёмной ночью, один.",
    ],
)
def test_repeated_and_short_paragraphs_are_kept(words: str) -> None:
    page = f"<article>{FLOW}<p>{words}</p>{FLOW}<p>{words}</p>{FLOW}<p>—</p>{FLOW}</article>"
    text = main(page)
    assert text.count(words) == 2 and "\n\n—\n\n" in text
    assert text.count("granite") == 8


@pytest.mark.parametrize(
    "character",
    [
        "\u00ad",
        "\u200b",
        "\u200c",
        "\u200d",
        "\u200e",
        "\u2060",
        "\ue0a1",
        "\U000f0001",
        "\x01",
        "\x85",
    ],
)
def test_invisible_and_private_characters_are_no_business_of_the_extraction(character: str) -> None:
    assert f"می{character}خواهم" in main(f"{FLOW}<p>می{character}خواهم و</p>{FLOW}")


@pytest.mark.parametrize("wrapper", ["{}", "<div>{}</div>", "<main><article>{}</article></main>"])
@pytest.mark.parametrize(
    ("items", "texts"),
    [
        ("<ul><li>500 g flour<li>salt</ul>", ["• 500 g flour", "• salt"]),
        ("<ul><li>面粉<ul><li>五百克</ul><li>盐</ul>", ["• 面粉", "• 五百克", "• 盐"]),
        ("<ol><li>Замесить тесто<li><p>Ждать час</ol>", ["1. Замесить тесто", "2. Ждать час"]),
        ("<dl><dt>แป้ง<dd>ห้าร้อยกรัม<dt>เกลือ<dd>หนึ่งช้อน</dl>", ["แป้ง", "ห้าร้อยกรัม", "หนึ่งช้อน"]),
        ("<menu><li>دقيق<li>ملح</menu>", ["• دقيق", "• ملح"]),
    ],
)
def test_lists_are_kept_wherever_they_stand(wrapper: str, items: str, texts: list[str]) -> None:
    for page in (f"{FLOW}{items}{FLOW}", f"{FLOW}<h2>Ingredients</h2>{items}"):
        lines = [line.strip() for line in main(wrapper.format(page)).splitlines()]
        assert [line for line in lines if line in texts] == texts


def test_cells_and_rows_are_apart_and_complete() -> None:
    table = (
        "<table><caption>Heights</caption><tr><th>Year</th><th>Height</th></tr>"
        "<tr><td>1873</td><td><b>41</b> m</td></tr><tr><td>1902</td>"
        "<td><ul><li>43 m<li>new lamp</ul></td></tr><tr><td>1950</td><td>—</td></tr></table>"
    )
    text = main(f"<article>{FLOW}{table}{FLOW}</article>")
    rows = [line.split() for line in text.splitlines() if line[:4].isdigit() or "Year" in line]
    assert rows[0] == ["Year", "Height"] and rows[1] == ["1873", "41", "m"]
    assert rows[-1] == ["1950", "—"]
    assert {"43", "lamp"} <= set(text.split()) and "Heights" in text


def test_white_space_of_code_and_line_breaks_are_kept() -> None:
    code = "def turn(lamp):\n    if lamp.on:\n        return   None\n\n    return 1"
    text = main(f"<article>{FLOW}<pre><code>{code}</code></pre>{FLOW}<p>one<br>two</p></article>")
    assert code in text and "one\ntwo" in text


def test_text_that_trafilatura_removes_from_paragraphs_is_kept() -> None:
    page = f"<p>Born <time>1 May</time> in <label>Ulm</label>, {FRAME}</p>"
    assert "Born 1 May in Ulm, The lighthouse" in flat(f"<article>{FLOW}{page}{FLOW}</article>")


def test_results_do_not_depend_on_the_pages_before() -> None:
    pages = [
        f"<article>{FLOW * n}<p>{n}. {FRAME}</p><ul><li>{FRAME}</ul></article>" for n in range(4)
    ]
    first = [main(page) for page in pages]
    assert [main(page) for page in pages[::-1] * 3][::-1] == first * 3


def test_a_page_of_more_blocks_than_signs_is_read() -> None:
    page = "<article>" + "".join(f"<p>{FRAME} {n}</p>" for n in range(9_000)) + "</article>"
    lines = main(page).split("\n\n")
    assert [line.split()[-1] for line in lines] == [str(n) for n in range(9_000)]


def test_a_page_that_holds_all_signs_is_left_to_other_extractions() -> None:
    signs = "".join(map(chr, range(0x2190, 0x20000)))
    assert main(f"{FLOW}<p>{signs.encode('utf-8', 'ignore').decode()}</p>{FLOW}") == ""


def test_json_for_search_engines_is_used_only_if_the_page_shows_nothing() -> None:
    json = f'<script type="application/ld+json">{{"articleBody": "{FRAME * 3}"}}</script>'
    assert "granite" in main(json + "<div></div>")
    assert main(f"{json}<article>{FLOW * 3}</article>").count("granite") == 6
