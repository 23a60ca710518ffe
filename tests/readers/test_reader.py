from lmkit.readers.reader import notes_of_meta


def test_the_first_value_that_says_something_counts() -> None:
    assert notes_of_meta([("a", " "), ("a", " x "), ("a", "y")]) == {"a": "x"}
