import random
from pathlib import Path

import pytest

from lmkit.artifacts.documents_file import Document, JsonLinesFile
from lmkit.filters.document_sample import Candidates, chosen, key_of

DOCUMENTS = [Document(str(n), f"text {n} \ud83d", "s", {"origin": "x"}) for n in range(500)]


def sampled(tasks: list[list[Document]], size: int, folder: Path) -> list[Document]:
    paths: list[Path] = []
    keys: list[int] = []
    for number, task in enumerate(tasks):
        paths.append(folder / f"{number}.jsonl.zst")
        file = JsonLinesFile(paths[-1])
        candidates = Candidates(size, file)
        for document in task:
            candidates.add(document)
        file.close()
        keys += candidates.keys
    return sorted(chosen(paths, keys, size), key=key_of)


@pytest.mark.parametrize("size", [1, 20, 499, 500, 1000])
def test_a_sample_has_the_smallest_keys_for_any_order_and_tasks(tmp_path: Path, size: int) -> None:
    expected = sorted(DOCUMENTS, key=key_of)[:size]
    mixed = [*DOCUMENTS]
    random.Random(0).shuffle(mixed)
    assert sampled([mixed], size, tmp_path) == expected
    tasks = [mixed[:1], mixed[1:30], [], mixed[30:]]
    assert sampled(tasks, size, tmp_path) == expected


def test_copies_do_not_enlarge_a_sample(tmp_path: Path) -> None:
    first = min(DOCUMENTS, key=key_of)
    tasks = [[first] * 8, [*DOCUMENTS], [first] * 3]
    assert sampled(tasks, 10, tmp_path) == [first] * 10
    assert sampled(tasks, 14, tmp_path) == sorted([*DOCUMENTS, *[first] * 11], key=key_of)[:14]


def test_keys_are_uniformly_distributed() -> None:
    """The chi-squared of 10,000 keys in 16 bins is below its 99.99 % quantile for 15, 44.3."""
    bins = [0] * 16
    for n in range(10_000):
        bins[key_of(Document(str(n), "the same", "s")) >> 60] += 1
    assert sum((count - 625) ** 2 / 625 for count in bins) < 44.3
