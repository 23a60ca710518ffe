from lmkit.artifacts.input_lists.recorded_input import Input


def test_an_input_that_was_moved_is_the_same_one() -> None:
    here, there = Input("raw/a", "raw", 1, "a"), Input("else/raw/a", "raw", 2, "a")
    assert here.identity == there.identity != Input("raw/b", "raw", 1, "b").identity
