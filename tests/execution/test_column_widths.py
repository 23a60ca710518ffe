from lmkit.execution.column_widths import column_widths


def test_the_widest_text_is_folded_first() -> None:
    rows = [["x" * 50, "y" * 30, "1,234"]]
    assert column_widths(["a", "b", "c"], rows, [False, False, True], 81) == [40, 30, 5]
    assert column_widths(["a", "b", "c"], rows, [False, False, True], 61) == [25, 25, 5]


def test_neither_a_number_nor_a_word_of_a_name_is_folded() -> None:
    rows = [["1,234,567,890,123", "9"]]
    assert column_widths(["documents that pass", "x"], rows, [True, True], 22) == [17, 1]
    assert column_widths(["documents that pass", "x"], rows, [True, True], 21) is None


def test_a_text_takes_three_lines_at_most() -> None:
    assert column_widths(["a", "b"], [["x" * 90, "1"]], [False, True], 35) == [30, 1]
    assert column_widths(["a", "b"], [["x" * 91, "1"]], [False, True], 35) is None


def test_wide_characters_take_two_columns() -> None:
    assert column_widths(["a", "b"], [["猫" * 10, "1"]], [False, True], 99) == [20, 1]
