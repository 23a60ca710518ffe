import json

from lmkit.reporting.markdown_card import card, code_block, front_matter, markdown_table, plain_text
from tests.reporting.folders import HOSTILE


def test_front_matter_holds_a_name_as_a_text_whatever_it_is() -> None:
    lines = front_matter({"a": HOSTILE + "\n---\n", "license": None, "tags": []}).splitlines()
    assert lines[0] == lines[2] == "---" and len(lines) == 3
    assert json.loads(lines[1].removeprefix("a: ")) == HOSTILE + "\n---\n"


def test_markdown_shows_a_name_as_it_is() -> None:
    assert plain_text("a_b\n<i>|") == r"a\_b\\n\<i\>\|"


def test_no_text_ends_a_block_of_code() -> None:
    assert code_block("a\n````\nb").splitlines()[0] == "`````"


def test_a_table_has_a_cell_for_each_column() -> None:
    found = markdown_table([{"a": "x|y"}, {"b": 2}]).splitlines()
    assert [line.replace(r"\|", "").count("|") for line in found] == [3, 3, 3, 3]
    assert markdown_table([]) == ""


def test_empty_parts_leave_no_empty_lines() -> None:
    assert card(["a", "", "b"]) == "a\n\nb\n"
