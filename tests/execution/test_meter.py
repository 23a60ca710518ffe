from lmkit.execution.meter import InputRead, count_bytes, count_document, read_here


def test_a_process_counts_what_it_reads() -> None:
    before = read_here()
    count_bytes(5_000_000_000)
    count_bytes(1)
    count_document()
    after = read_here()
    assert InputRead(after.bytes - before.bytes, after.documents - before.documents) == (
        InputRead(5_000_000_001, 1)
    )
