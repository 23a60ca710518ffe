import hashlib
import json
import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from lmkit.artifacts.manifest import read
from lmkit.artifacts.tasks import Receipt
from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.dedup.run import dedup
from lmkit.deduplication.options import KeepConfig, MinHashConfig
from tests.commands.dying import run_to_end, run_until_killed
from tests.conftest import Lmkit, contents, manifest, records


def write(path: str, texts: dict[str, str]) -> Path:
    lines = (json.dumps({"id": i, "text": t, "source": "s"}) for i, t in texts.items())
    Path(path).write_text("\n".join(lines))
    return Path(path)


def words(seed: int, count: int) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(10**6)}" for _ in range(count)]


def similarity(one: str, other: str) -> float:
    sets = [
        {tuple(text.split()[k : k + 5]) for k in range(len(text.split()) - 4)}
        for text in (one, other)
    ]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.fixture
def corpus() -> dict[str, str]:
    texts: dict[str, str] = {}
    for number in range(20):
        plain = words(number, 200)
        for copy in range(3):
            plain[50 + 40 * copy] = f"changed{copy}"
            texts[f"{number:02d}-{copy}"] = " ".join(plain)
    return texts


def test_removed_documents_are_similar_to_their_representative(
    here: Path, corpus: dict[str, str]
) -> None:
    dedup(DedupConfig(inputs=(write("a.jsonl", corpus),), output=Path("out")))
    kept = {record["id"] for record in records(Path("out"))}
    removed = records(Path("out"), "duplicates")
    assert kept == {f"{number:02d}-0" for number in range(20)}
    assert len(removed) == 40
    for record in removed:
        true = similarity(corpus[record["id"]], corpus[record["kept"]["id"]])
        assert record["similarity"] == pytest.approx(true, abs=1e-6)
        assert record["kept"]["id"] in kept
        assert record["reason"] == "near"


def test_order_tasks_and_workers_change_nothing(here: Path, corpus: dict[str, str]) -> None:
    kept: list[list[str]] = []
    for seed, shard_bytes, workers in ((1, 1 << 26, 1), (2, 500, 2)):
        names = list(corpus)
        random.Random(seed).shuffle(names)
        path = write(f"{seed}.jsonl", {name: corpus[name] for name in names})
        out = Path(f"out{seed}")
        dedup(DedupConfig(inputs=(path,), output=out, shard_bytes=shard_bytes, workers=workers))
        kept.append(sorted(record["id"] for record in records(out)))
    assert kept[0] == kept[1]
    assert len(kept[0]) == 20


def test_of_a_chain_only_documents_similar_to_kept_ones_are_removed(here: Path) -> None:
    plain, chain = words(1, 250), dict[str, str]()
    for number in range(50):
        chain[f"{number:02d}"] = " ".join(plain)
        plain[number * 5] = f"new{number}"
    assert all(similarity(a, b) > 0.9 for a, b in pairwise(chain.values()))
    assert similarity(chain["00"], chain["49"]) < 0.1
    dedup(DedupConfig(inputs=(write("a.jsonl", chain),), output=Path("out")))
    removed = records(Path("out"), "duplicates")
    assert len(records(Path("out"))) > 3
    assert all(similarity(chain[r["id"]], chain[r["kept"]["id"]]) >= 0.7 for r in removed)


def test_a_common_header_of_half_the_length_removes_nothing(here: Path) -> None:
    header = " ".join(words(0, 100))
    texts = {str(n): f"{header} {' '.join(words(n + 1, 100))}" for n in range(30)}
    dedup(DedupConfig(inputs=(write("a.jsonl", texts),), output=Path("out")))
    assert len(records(Path("out"))) == 30


def test_labelling_keeps_all_and_names_the_cluster(here: Path, corpus: dict[str, str]) -> None:
    minhash = MinHashConfig(action="label")
    alone = {"x": " ".join(words(99, 50))}
    path = write("a.jsonl", corpus | alone)
    dedup(DedupConfig(inputs=(path,), output=Path("out"), minhash=minhash))
    clusters = {r["id"]: r["metadata"].get("cluster") for r in records(Path("out"))}
    assert len(clusters) == 61
    assert clusters.pop("x") is None
    assert len(set(clusters.values())) == 20
    assert all(clusters[name] == clusters[name[:3] + "0"] for name in clusters)


def test_the_longest_is_kept_if_the_rule_is_longest(here: Path) -> None:
    plain = words(3, 100)
    texts = {"a": " ".join(plain), "b": " ".join([*plain, "more"])}
    keep = KeepConfig(rule="longest")
    dedup(DedupConfig(inputs=(write("a.jsonl", texts),), output=Path("out"), keep=keep))
    assert [record["id"] for record in records(Path("out"))] == ["b"]


def test_short_documents_are_compared_completely(here: Path) -> None:
    texts = {"a": "Yes, sir!", "b": "yes sir", "c": "no sir", "d": "!!!", "e": "???"}
    dedup(DedupConfig(inputs=(write("a.jsonl", texts),), output=Path("out")))
    assert [record["id"] for record in records(Path("out"))] == ["a", "c", "d", "e"]


def test_a_copy_of_a_removed_document_names_the_kept_one(here: Path) -> None:
    plain = " ".join(words(3, 100))
    texts = {"a": plain, "b": plain + " more", "c": plain + "  MORE"}
    dedup(DedupConfig(inputs=(write("a.jsonl", texts),), output=Path("out")))
    removed = records(Path("out"), "duplicates")
    assert {r["id"]: (r["kept"]["id"], r["reason"]) for r in removed} == {
        "b": ("a", "near"),
        "c": ("a", "exact"),
    }


def test_the_manifest_and_inspect_show_what_was_found(
    here: Path, corpus: dict[str, str], lmkit: Lmkit
) -> None:
    path = write("a.jsonl", corpus)
    _, _, err = lmkit("dedup", path, "--output", "out")
    _, shown, _ = lmkit("inspect", "out")
    details = manifest(Path("out"))["details"]
    assert details["clusters"] == {"3": 20}
    assert details["duplicates"] == [{"reason": "near", "source": "s", "of": "s", "documents": 40}]
    changed = [example["text"] for example in details["examples"]]
    assert all("[[changed" in text for text in changed)
    for text in (err, shown):
        assert "nearly the same" in text and changed[0][:60] in text


def test_a_threshold_chooses_bands_and_rows_and_shows_the_curve(here: Path, lmkit: Lmkit) -> None:
    path = write("a.jsonl", {"a": "one two three"})
    exit_code, _, err = lmkit("dedup", path, "--output", "out", "--minhash.threshold", "0.8")
    near = manifest(Path("out"))["config"]["minhash"]
    assert exit_code == 0
    assert (near["bands"], near["rows"], near["min_similarity"]) == (16, 7, 0.8)
    assert "0.80: 98%" in err  # 1 - (1 - 0.8^7)^16 = 0.977
    assert "0.50: 12%" in err  # 1 - (1 - 0.5^7)^16 = 0.118
    again = lmkit("dedup", path, "--output", "out", "--config", "out/manifest.json")
    assert again[0] == 0 and "up to date" in again[2]


def test_a_threshold_and_other_bands_are_refused(here: Path, lmkit: Lmkit) -> None:
    path = write("a.jsonl", {"a": "one two three"})
    flags = ("--minhash.threshold", "0.8", "--minhash.rows", "9")
    exit_code, _, err = lmkit("dedup", path, "--output", "out", *flags)
    assert exit_code == 2
    assert "--minhash.rows: got 9" in err and "7" in err


NEAR_STEPS = ("notes-1", "exact-0", "bands-5", "groups-0", "near-0")
NEAR_STEPS += ("representatives-0", "clusters-0", "documents-1")


@pytest.fixture
def command(here: Path, corpus: dict[str, str]) -> list[str]:
    """Two tasks; every text twice, in another letter case."""
    again = {f"{name}-again": text.upper() for name, text in corpus.items()}
    write("a.jsonl", corpus)
    write("b.jsonl", again)
    return ["dedup", "a.jsonl", "b.jsonl", "--workers", "1", "--shard-bytes", "9000", "--output"]


def test_killed_in_each_step_it_ends_with_the_same_bytes(command: list[str]) -> None:
    run_to_end(*command, "whole")
    for step in NEAR_STEPS:
        name, _, number = step.rpartition("-")
        run_until_killed(name, int(number), *command, "killed")
        assert not Path("killed/manifest.json").exists()
    assert "resuming" in run_to_end(*command, "killed")
    assert contents(Path("killed")) == contents(Path("whole"))
    assert manifest(Path("killed"))["details"] == manifest(Path("whole"))["details"]


def test_a_corrupt_scratch_file_is_written_again_and_so_is_what_depends_on_it(
    command: list[str], lmkit: Lmkit
) -> None:
    """Corrupt before it was read: then the results of later tasks are complete, and wrong."""
    lmkit(*command, "whole")
    run_until_killed("documents", 1, *command, "dead")
    found, receipt = Path("dead/.partial/near-00000.scratch"), Path("dead/.partial/near-00000.json")
    found.write_bytes(b"")
    summary = read(Receipt, receipt)
    assert summary
    empty = {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    first, *others = summary.scratch
    scratch = (first.model_copy(update=empty), *others)
    summary.model_copy(update={"scratch": scratch}).write(receipt, receipt.parent)
    kinds = ("bands", "shingles", "sizes", "names", "ends", "digests", "exact", "mates", "groups")
    for kind in kinds:
        copy = Path(f"copy-{kind}")
        shutil.copytree("dead", copy)
        corrupt = copy / f".partial/{kind}-00000.scratch"
        corrupt.write_bytes(bytes(byte ^ 0x55 for byte in corrupt.read_bytes()))
        exit_code, _, err = lmkit(*command, copy)
        assert exit_code == 0
        assert "have been damaged" in " ".join(err.split())
        assert contents(copy) == contents(Path("whole")), kind
