from types import SimpleNamespace

from lmkit.artifacts.manifest import Counts
from lmkit.commands.clean.run import result_text as cleaned
from lmkit.commands.pack.run import result_text as packed


def manifest(details: dict[str, object] | None = None, **counts: object) -> SimpleNamespace:
    return SimpleNamespace(counts=Counts.model_validate(counts), details=details or {})


def test_what_was_dropped_and_quarantined_is_said_beside_what_was_kept() -> None:
    config = SimpleNamespace(output="out", sample=None)
    dropped = {"empty": 1, "too_short": 200}
    found = manifest(documents_in=1204, documents_out=1000, dropped=dropped, quarantined=3)
    assert cleaned(config, found) == (  # pyright: ignore[reportArgumentType]
        "out: kept 1,000 of 1,204 documents (dropped 1 empty, 200 too_short, 3 quarantined)"
    )


def test_a_sample_says_what_would_be_kept_of_it() -> None:
    config = SimpleNamespace(output="out", sample=10)
    dropped = {"empty": 2, "not_in_sample": 90}
    found = manifest(documents_in=100, documents_out=8, dropped=dropped)
    assert cleaned(config, found) == (  # pyright: ignore[reportArgumentType]
        "out: would keep 8 of 10 documents, a sample of 100 (drop 2 empty)"
    )


def test_sources_beyond_the_first_are_counted() -> None:
    row = {"documents": 1, "tokens": 2, "bytes": 3}
    sources = {f"s{number}": row for number in range(12)}
    found = manifest({"sequence_length": 8, "sources": sources})
    told = packed(SimpleNamespace(output="out"), found).split("\n")  # pyright: ignore[reportArgumentType]
    assert told[1] == "  from s0: 1 documents, 2 tokens, 3 bytes"
    assert told[-1] == "  and from 2 more: see lmkit inspect"
