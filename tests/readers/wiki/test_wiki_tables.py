"""Tables in wikitext and HTML."""

from lmkit.readers.wikitext import Page, plain_wikitext

TABLE = """Davor
{| class="wikitable" style="x"
|+ Türme
! scope=col | Name !! Höhe
|-
| style="a" | [[Kap|Kap Nord]] || 14 m{{cn}}
|-
! # 2
| eins
* zwei
|
{|
| innen || zwei
|}
|}
Danach"""


def test_tables_are_removed_or_a_line_for_each_row() -> None:
    assert plain_wikitext(TABLE) == "Davor\n\nDanach"
    assert [line for line in plain_wikitext(TABLE, Page(tables="text")).split("\n") if line] == [
        "Davor",
        "Türme",
        "Name | Höhe",
        "Kap Nord | 14 m",
        "# 2 | eins zwei | innen | zwei",
        "Danach",
    ]


def test_bars_from_templates_divide_cells() -> None:
    text = "{|\n{{!}} a {{!!}} b\n{{!-}}\n| {{nowrap|c{{!}}d}}\n|}"
    assert plain_wikitext(text, Page(tables="text")).split("\n")[0] == "a | b"


def test_cells_and_items_of_html_are_never_glued() -> None:
    table = "<table><tr><td>Имя</td><td>Возраст</td></tr>\n<tr><th>Анна<td>41</table>"
    assert plain_wikitext(table).split() == ["Имя", "|", "Возраст", "Анна", "|", "41"]
    for item in (
        "<ul><li>{}</li><li>{}</li></ul>",
        "{}<br/>{}",
        "<dl><dt>{}<dd>{}</dl>",
        "<p>{}</p><p>{}</p>",
    ):
        assert plain_wikitext(item.format("一", "二")).split() == ["一", "二"]
        assert (
            plain_wikitext(f"x{item.format('一', '二')}y").split() == ["x", "一", "二", "y"]
            or "{}<br" in item
        )


def test_a_long_name_without_a_value_is_text_and_found_to_be_so_at_once() -> None:
    cell = "=" + "a" * 5_000 + '"'  # a name could be cut in two at each letter
    table = f"{{|\n| {cell}|text\n|}}"
    assert plain_wikitext(table, Page(tables="text")).strip() == f"{cell}|text"


def test_attributes_of_a_cell_are_no_text() -> None:
    table = "{|\n| align=left style='color: red' nowrap | text\n|}"
    assert plain_wikitext(table, Page(tables="text")).strip() == "text"
