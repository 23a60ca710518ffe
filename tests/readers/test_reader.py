from lmkit.readers.reader import first_values


def test_the_first_value_that_is_not_empty_is_used() -> None:
    assert first_values([("a", " "), ("a", " x "), ("a", "y")]) == {"a": "x"}
