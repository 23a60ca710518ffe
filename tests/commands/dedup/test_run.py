import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.dedup.run import dedup
from lmkit.text.digests import normal_form
from tests.conftest import Lmkit, contents, manifest, records, texts

LONG = "text {} that has some words in it, number {}"


def write(path: str, *documents: tuple[str, str, str]) -> Path:
    names = ("source", "id", "text")
    lines = (json.dumps(dict(zip(names, values, strict=True))) for values in documents)
    Path(path).write_text("\n".join(lines))
    return Path(path)


def test_the_smallest_source_and_id_is_kept_across_all_inputs(here: Path) -> None:
    write("b.jsonl", ("web", "1", "The Cat"), ("web", "2", "a dog"))
    write("a.jsonl", ("books", "9", "the  cat"), ("web", "0", "A  DOG"))
    done = dedup(DedupConfig(inputs=(Path("b.jsonl"), Path("a.jsonl")), output=Path("out")))
    assert sorted(texts(Path("out"))) == ["A  DOG", "the  cat"]
    assert done.counts.dropped == {"exact_duplicate": 2}
    kept = {r["id"]: r["kept"] for r in records(Path("out"), "duplicates")}
    assert kept == {"1": {"source": "books", "id": "9"}, "2": {"source": "web", "id": "0"}}


def test_ties_in_source_and_id_are_broken_by_text_and_then_by_path(here: Path) -> None:
    write("b.jsonl", ("web", "1", "the cat"))
    write("a.jsonl", ("web", "1", "the cat"), ("web", "1", "The cat"))
    for inputs in (("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")):
        dedup(DedupConfig(inputs=tuple(map(Path, inputs)), output=Path("-".join(inputs))))
    one, other = (contents(Path(name)) for name in ("a.jsonl-b.jsonl", "b.jsonl-a.jsonl"))
    assert one == other
    assert len(texts(Path("a.jsonl-b.jsonl"))) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(numbers=st.lists(st.integers(0, 4), min_size=1, max_size=12), cut=st.integers(1, 300))
def test_kept_documents_are_those_of_a_literal_search(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("x")
    documents = [("s", str(index), f"{n}" * 9) for index, n in enumerate(numbers)]
    random.Random(len(numbers)).shuffle(documents)
    files = [write(str(folder / f"{i}.jsonl"), document) for i, document in enumerate(documents)]
    dedup(DedupConfig(inputs=tuple(files), output=folder / "out", shard_bytes=cut, workers=1))
    best: dict[str, str] = {}
    for _, key, text in sorted(documents):
        best.setdefault(normal_form(text), key)
    assert sorted(r["id"] for r in records(folder / "out")) == sorted(best.values())


def test_tasks_and_workers_change_nothing(raw: Path) -> None:
    lines = [("s", str(n), LONG.format(n % 7, n % 7)) for n in range(50)]
    for number in range(5):
        write(f"{number}.jsonl", *lines[number::5])
    inputs = tuple(Path(f"{number}.jsonl") for number in range(5))
    dedup(DedupConfig(inputs=inputs, output=Path("one"), workers=1))
    dedup(DedupConfig(inputs=inputs, output=Path("many"), shard_bytes=1, workers=2))
    assert texts(Path("one")) == texts(Path("many"))
    assert len(texts(Path("one"))) == 7


def test_raw_text_must_be_cleaned_first(raw: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("dedup", raw / "cat.txt", "--output", "out")
    assert exit_code == 2 and "lmkit clean first" in err


def test_stages_are_connected_by_folders(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "work/clean")
    _, out, _ = lmkit("dedup", "work/clean", "--output", "work/dedup")
    assert out == "work/dedup: kept 2 of 3 documents (dropped 1 exact_duplicate)\n"
    again = lmkit("clean", raw, "--output", "work/clean", "--overwrite")
    assert again[0] == 0
    assert "up to date" in lmkit("dedup", "work/clean", "--output", "work/dedup")[2]
    assert manifest(Path("work/dedup"))["inputs"][0]["path"] == "work/clean"
