from lmkit.training.length import steps_of

ROWS = {"rows_per_batch": 4, "sequence_length": 100, "rows": 10}


def test_every_way_of_saying_it_comes_to_steps() -> None:
    assert steps_of(7, None, None, **ROWS) == 7
    assert steps_of(7, 400, None, **ROWS) == 1
    assert steps_of(7, 401, None, **ROWS) == 2
    assert steps_of(7, None, 1, **ROWS) == 3  # ten rows, four at a time
    assert steps_of(7, None, 0.4, **ROWS) == 1
