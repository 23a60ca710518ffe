from lmkit.reporting.tables_html import MAX_ROWS, cell, fact_cards, table
from tests.reporting.folders import HOSTILE


def test_a_table_has_a_column_for_each_name_that_a_row_has() -> None:
    found = table([{"a": 1234, "b": None}, {"a": HOSTILE, "c_d": True}])
    assert found.count("<th ") == 3 and ">c d<" in found
    assert '<td class="n">1,234</td><td>none</td><td></td>' in found
    assert "<script" not in found and "<td>yes</td>" in found


def test_a_long_table_is_cut_and_the_rest_counted() -> None:
    found = table([{"a": n} for n in range(MAX_ROWS + 5)])
    assert found.count("<tr>") == MAX_ROWS + 2 and "and 5 more" in found


def test_values_are_shown_with_their_units() -> None:
    assert cell("bytes", 1_200_000) == "1.2 MB"
    assert cell("x", {"b": 2, "c": None}) == "b 2, c none" and cell("x", ["a", 1]) == "a 1"


def test_cards_are_a_list_of_names_and_values() -> None:
    assert "<dd>3</dd><dt>runs</dt>" in fact_cards({"runs": 3})
