from lmkit.readers.reader import first_values


def test_the_first_value_that_says_something_counts() -> None:
    assert first_values([("a", " "), ("a", " x "), ("a", "y")]) == {"a": "x"}
