from pathlib import Path

import numpy as np

from lmkit.artifacts.tasks import PARTIAL, TaskWriter
from lmkit.text.minhash import Bands, WordHashes, jaccard, shingles
from lmkit.text.signatures import Signatures, buckets, write_mates, writing_signatures
from tests.conftest import prose

BANDS = Bands(4, 2)


def written(folder: Path, tasks: list[list[str]]) -> Path:
    (folder / PARTIAL).mkdir(parents=True)
    for number, texts in enumerate(tasks):
        with writing_signatures(TaskWriter(folder, "signatures", number), BANDS) as note:
            for text in texts:
                note(text)
    for band in range(BANDS.bands):
        write_mates(len(tasks), [], band, TaskWriter(folder, "mates", band))
    return folder / PARTIAL


def test_documents_that_share_a_key_find_one_another_across_tasks(tmp_path: Path) -> None:
    one, two, three = prose(3, 40)
    tasks = [[one, "", two], [], [one + " and more", three]]
    partial = written(tmp_path, tasks)
    found = buckets(partial, BANDS.bands)
    texts = [text for task in tasks for text in task]
    keys = [BANDS.keys(shingles(text, WordHashes())) for text in texts]
    for number, text in enumerate(texts):
        expected = [
            (band, int(keys[number][band]))
            for band in range(BANDS.bands)
            for other in range(len(texts))
            if other != number and text and texts[other] and keys[other][band] == keys[number][band]
        ]
        assert found.get(number, []) == expected
    assert set(found) == {0, 3}


def test_signatures_are_read_back_by_number(tmp_path: Path) -> None:
    one, two = prose(2, 40)
    signatures = Signatures(written(tmp_path, [[one], [two, "", one]]), 2)
    assert signatures.task_of(0) == (0, 0) and signatures.task_of(3) == (1, 2)
    assert signatures.similarity(0, 3) == 1.0 and signatures.similarity(0, 2) == 0.0
    expected = jaccard(shingles(one, WordHashes()), shingles(two, WordHashes()))
    assert signatures.similarity(0, 1) == expected
    assert np.isclose(signatures.similarity(1, 0), expected)
