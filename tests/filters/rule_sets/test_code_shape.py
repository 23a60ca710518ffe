from lmkit.filters.rule_sets.code_shape import alphanumeric_fraction, line_lengths


def test_a_file_that_ends_with_a_line_feed_has_an_empty_last_line() -> None:
    assert line_lengths("ab\nabcd\n") == (4, 2.0)


def test_an_empty_file_has_signals() -> None:
    assert (line_lengths(""), alphanumeric_fraction("")) == ((0, 0.0), 0.0)
