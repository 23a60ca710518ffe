from lmkit.training.monitoring.memory_use import resident_bytes


def test_the_memory_of_this_process_is_more_than_a_megabyte() -> None:
    block = bytes(50_000_000)
    assert resident_bytes() > 1_000_000
    assert len(block) == 50_000_000
