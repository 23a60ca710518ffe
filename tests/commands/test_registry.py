from types import SimpleNamespace

from lmkit.artifacts.manifest import Counts
from lmkit.commands.clean.run import result_text as cleaned
from lmkit.commands.pack.run import result_text as packed


def manifest(details: dict[str, object] | None = None, **counts: object) -> SimpleNamespace:
    return SimpleNamespace(counts=Counts.model_validate(counts), details=details or {})


def test_the_summary_has_the_kept_dropped_and_quarantined_documents() -> None:
    config = SimpleNamespace(output="out", sample=None)
    dropped = {"empty": 1, "too_short": 200}
    found = manifest(documents_in=1204, documents_out=1000, dropped=dropped, quarantined=3)
    assert cleaned(config, found) == (  # pyright: ignore[reportArgumentType]
        "out: kept 1,000 of 1,204 documents (dropped 1 empty, 200 too_short, 3 quarantined)"
    )


def test_the_summary_of_a_sample_has_what_would_be_kept() -> None:
    config = SimpleNamespace(output="out", sample=10)
    dropped = {"empty": 2, "not_in_sample": 90}
    found = manifest(documents_in=100, documents_out=8, dropped=dropped)
    assert cleaned(config, found) == (  # pyright: ignore[reportArgumentType]
        "out: would keep 8 of 10 documents, a sample of 100 (drop 2 empty)"
    )


def test_sources_beyond_the_first_are_counted() -> None:
    row = {"documents": 1, "tokens": 2, "bytes": 3}
    sources = {f"s{number}": row for number in range(12)}
    split = {"documents": 12, "tokens": 24, "bytes_of_text": 36, "rows": 3}
    split |= {"cut": 0, "padding": 0, "padding_share": 0}
    tokens = {"vocabulary_size": 9, "tokenizer": "abc", "pad": 0, "bos": None, "eos": None}
    sequences = {"sequence_length": 8, "packing": "chunk", "train": split, "sources": sources}
    found = manifest({**sequences, **tokens})
    lines = packed(SimpleNamespace(output="out"), found).split("\n")  # pyright: ignore[reportArgumentType]
    assert lines[2] == "  from s0: 1 documents, 2 tokens, 3 bytes"
    assert lines[-1] == "  and from 2 more: see lmkit inspect"
