from lmkit.execution.amounts import clock, duration, size


def test_the_largest_unit_of_bytes_is_kept() -> None:
    assert size(5_000_000_000_000_000) == "5000.0 TB"


def test_times_are_rounded_to_what_people_wait_for() -> None:
    assert [duration(seconds) for seconds in (0.4, 61, 7199, 7200)] == [
        *("0 s", "1 min", "120 min", "2.0 h")
    ]
    assert [clock(seconds) for seconds in (0.4, 59.6, 3599.6)] == ["0:00", "1:00", "1:00:00"]
