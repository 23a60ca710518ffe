"""Every command after clean reads Parquet files of records as it reads JSON lines."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Lmkit, manifest, records, texts

TEXTS = [f"the {word} sat on the mat, and {n} birds sang" for n in range(40) for word in "abcd"]


@pytest.fixture
def both(here: Path) -> tuple[Path, Path]:
    """Write a folder of JSON lines and one of Parquet files, with the same records."""
    rows = [{"id": str(n), "text": text, "lang": "en"} for n, text in enumerate([*TEXTS, TEXTS[3]])]
    for folder in ("lines", "table"):
        Path(folder).mkdir()
    Path("lines/a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pq.write_table(pa.Table.from_pylist(rows), "table/a.parquet", row_group_size=50)
    return Path("lines"), Path("table")


def test_dedup_keeps_the_same_documents_with_their_fields(
    both: tuple[Path, Path], lmkit: Lmkit
) -> None:
    for folder in both:
        exit_code, _, err = lmkit(
            *f"dedup {folder} --minhash.action none --output d-{folder}".split()
        )
        assert exit_code == 0, err
    assert sorted(texts(Path("d-table"))) == sorted(texts(Path("d-lines"))) == sorted(TEXTS)
    assert manifest(Path("d-table"))["counts"]["dropped"] == {"exact_duplicate": 1}
    assert {row["metadata"]["lang"] for row in records(Path("d-table"))} == {"en"}


def test_a_tokenizer_and_its_ids_are_the_same(both: tuple[Path, Path], lmkit: Lmkit) -> None:
    ids: list[np.ndarray] = []
    for folder in both:
        train = f"train-tokenizer {folder} --vocab-size 600 --output t-{folder}"
        pack = f"pack {folder} --tokenizer t-lines --sequence-length 32 --output p-{folder}"
        for command in (train, pack):
            exit_code, _, err = lmkit(*command.split())
            assert exit_code == 0, err
        ids.append(np.load(Path(f"p-{folder}/train/tokens-00000.npy")))
    one, other = (Path(f"t-{folder}/tokenizer.json").read_bytes() for folder in both)
    assert one == other
    assert np.array_equal(*ids)


def test_a_file_without_the_text_is_quarantined_and_named(here: Path, lmkit: Lmkit) -> None:
    pq.write_table(pa.table({"content": ["a text"]}), "other.parquet")
    exit_code, _, err = lmkit(*["dedup", "other.parquet", "--output", "d"])
    assert exit_code == 1 and "other.parquet" in err and "content" in err
