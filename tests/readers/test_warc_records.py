import random
from collections import Counter
from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Document, Unreadable
from tests.readers.reading import outcomes
from tests.readers.warc_damage import Style, archive, damaged


def lost_and_repeated(found: list[Document | Unreadable], expected: list[str]) -> list[str]:
    """Return the sentences that are missing or come out more than once."""
    texts = Counter(
        line
        for outcome in found
        if isinstance(outcome, Document)
        for line in outcome.text.splitlines()
        if line.startswith("This is page")
    )
    return [sentence for sentence in expected if texts[sentence] != 1]


@pytest.mark.parametrize("style", ["plain", "gzip"])
def test_damage_costs_only_the_records_that_it_touches(tmp_path: Path, style: Style) -> None:
    path = tmp_path / ("a.warc.gz" if style == "gzip" else "a.warc")
    for seed in range(30):
        made = archive(20, seed, style)
        kind, data, untouched = damaged(made, random.Random(seed))
        path.write_bytes(data)
        found = outcomes(path)
        expected = [made.sentences[number] for number in untouched]
        assert lost_and_repeated(found, expected) == [], (seed, kind)
        touched = 20 - len(untouched)
        assert len(found) - len(untouched) <= 2 * touched + 1, (seed, kind)
