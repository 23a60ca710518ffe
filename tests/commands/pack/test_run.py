import itertools
import json
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.commands.pack.options import PackConfig
from lmkit.commands.pack.run import pack
from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
from lmkit.commands.train_tokenizer.run import train_tokenizer
from lmkit.packing import row_ranges
from lmkit.packing.token_rows import TokenSequences
from lmkit.storage import atomic_files as atomic
from lmkit.text.digests import document_key
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.commands.dying import run_to_end, run_until_killed
from tests.conftest import Lmkit, contents, manifest, records

NAMES = sorted(topics)[:30]
DOCUMENTS = {name: topics[name][:2_000] for name in NAMES}
LENGTH = 64


def write(path: str, names: Sequence[str] = NAMES) -> Path:
    lines = (json.dumps({"id": name, "text": DOCUMENTS[name]}) + "\n" for name in names)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(lines))
    return Path(path)


@pytest.fixture(scope="session")
def made_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    documents = write(str(folder / "a.jsonl"))
    values = {"inputs": [documents], "output": folder / "made", "vocab_size": 700}
    train_tokenizer(TrainTokenizerConfig.model_validate(values))
    return folder / "made"


@pytest.fixture
def tokenizer(made_tokenizer: Path, here: Path) -> Path:
    """A tokenizer of 700 tokens, in the current folder."""
    shutil.copytree(made_tokenizer, "tokenizer")
    return Path("tokenizer")


def config(*inputs: str | Path, output: str = "out", **options: object) -> PackConfig:
    typed = {"inputs": inputs, "output": output, "tokenizer": "tokenizer"}
    common = {"sequence_length": LENGTH, "workers": 1}
    return PackConfig.model_validate(typed | common | options)


def typed(*inputs: str | Path, output: str = "out") -> list[str]:
    options = f"--tokenizer tokenizer --output {output} --sequence-length {LENGTH} --workers 1"
    return ["pack", *map(str, inputs), *options.split()]


def stored(folder: str | Path, split: str = "train") -> list[list[int]]:
    """Return the tokens of every document of a split, read with numpy alone."""
    found: list[list[int]] = []
    for path in sorted(Path(folder, split).glob("tokens-*.npy")):
        tokens = np.load(path)
        stored_records = np.load(path.with_name(path.name.replace("tokens", "documents")))
        found += [tokens[p["start"] :][: p["tokens"]].tolist() for p in stored_records]
    return found


def decoded(folder: str, split: str = "train") -> list[str]:
    tokenizer = Tokenizer.load(Path(folder, "tokenizer"))
    return [tokenizer.decode(ids) for ids in stored(folder, split)]


def rows(folder: str, split: str = "train") -> TokenSequences:
    return TokenSequences.open(Path(folder, split), LENGTH, pad=0)


def held_out(folder: str) -> set[str]:
    return set(decoded(folder, "validation"))


def test_a_packed_folder_decodes_to_the_documents(tokenizer: Path) -> None:
    pack(config(write("a.jsonl"), validation="0.2"))
    both = decoded("out", "train") + decoded("out", "validation")
    assert sorted(both) == sorted(DOCUMENTS.values())


def test_every_token_of_every_document_is_in_one_sequence(tokenizer: Path) -> None:
    made = pack(config(write("a.jsonl"), validation="0.2"))
    for split in ("train", "validation"):
        found = made.details[split]
        documents = stored("out", split)
        batch = rows("out", split).read(np.arange(found["rows"]))
        placed = batch.tokens_BT[batch.documents_BT > 0]
        every = sorted(token for ids in documents for token in ids)
        assert sorted(placed.tolist()) == every
        assert found["tokens"] == len(every) and found["documents"] == len(documents)
        assert found["padding"] == int((batch.documents_BT == 0).sum())
        assert found["rows"] * LENGTH == found["tokens"] + found["padding"]
    both = made.details["train"]["tokens"] + made.details["validation"]["tokens"]
    assert made.counts.more["tokens"] == both


def test_bytes_of_text_are_those_of_the_documents(tokenizer: Path) -> None:
    made = pack(config(write("a.jsonl"), validation="0"))
    total = sum(len(text.encode()) for text in DOCUMENTS.values())
    assert made.details["train"]["bytes_of_text"] == total


def test_the_holdout_split_depends_on_the_id_alone(tokenizer: Path) -> None:
    pack(config(write("a.jsonl"), output="whole", validation="0.3"))
    fraction = {DOCUMENTS[name] for name in NAMES if document_key(0, name) < 0.3 * 2**64}
    assert held_out("whole") == fraction and 0 < len(fraction) < len(NAMES)
    pack(config(write("b.jsonl", NAMES[:15]), output="half", validation="0.3"))
    assert held_out("half") == fraction & {DOCUMENTS[name] for name in NAMES[:15]}


def test_order_workers_and_tasks_change_no_sequence(tokenizer: Path) -> None:
    pack(config(write("a.jsonl"), output="one", validation="0.3"))
    parts = [write(f"{n}.jsonl", NAMES[::-1][n::3]) for n in range(3)]
    pack(config(*parts, output="many", validation="0.3", shard_bytes=1, workers=2))
    pack(config(*parts[::-1], output="other", validation="0.3", shard_bytes=1))
    assert contents(Path("many")) == contents(Path("other"))
    assert len(list(Path("many/train").glob("tokens-*"))) == 3
    for split in ("train", "validation"):
        one, many = rows("one", split), rows("many", split)
        every = np.arange(len(one))
        assert len(one) == len(many)
        for name, value in vars(one.read(every)).items():
            np.testing.assert_array_equal(value, vars(many.read(every))[name])


def test_another_seed_holds_out_other_documents(tokenizer: Path) -> None:
    file = write("a.jsonl")
    pack(config(file, output="one", validation="0.3"))
    pack(config(file, output="two", validation="0.3", seed=1))
    assert held_out("one") != held_out("two")


@pytest.mark.parametrize("shard_bytes", [1, 10_000_000])
def test_a_fraction_that_selects_nothing_holds_out_the_smallest_hash(
    tokenizer: Path, shard_bytes: int
) -> None:
    parts = [write(f"{n}.jsonl", NAMES[n::3]) for n in range(3)]
    made = pack(config(*parts, validation="0.000001", shard_bytes=shard_bytes))
    smallest = min(NAMES, key=lambda name: document_key(0, name))
    assert decoded("out", "validation") == [DOCUMENTS[smallest]]
    assert made.counts.documents_out == len(NAMES)
    assert len(stored("out")) == len(NAMES) - 1


def test_a_single_document_is_refused_and_nothing_is_written(tokenizer: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*typed(write("a.jsonl", NAMES[:1])))
    assert exit_code == 2 and "--validation FOLDER" in err
    assert not (Path("out").exists() and list(Path("out").iterdir()))
    assert lmkit(*typed("a.jsonl"), "--validation", "0")[0] == 0
    assert decoded("out") == [DOCUMENTS[NAMES[0]]]


def test_a_single_document_in_a_finished_folder_is_refused_before_work_starts(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    lmkit("dedup", write("a.jsonl", NAMES[:1]), "--output", "documents")
    exit_code, _, err = lmkit(*typed("documents"))
    assert exit_code == 2 and "--validation FOLDER" in err and not Path("out").exists()


def test_validation_can_be_a_separate_folder(tokenizer: Path, lmkit: Lmkit) -> None:
    write("held/b.jsonl", NAMES[20:])
    exit_code, out, _ = lmkit(*typed(write("a.jsonl", NAMES[:20])), "--validation", "held")
    assert exit_code == 0 and "validation: 10 documents" in out
    assert sorted(decoded("out")) == sorted(DOCUMENTS[name] for name in NAMES[:20])
    assert held_out("out") == {DOCUMENTS[name] for name in NAMES[20:]}


def test_a_split_has_only_shards_of_its_documents(tokenizer: Path) -> None:
    parts = [write(f"{n}.jsonl", NAMES[n:20:3]) for n in range(3)]
    pack(config(*parts, validation=str(write("held/b.jsonl", NAMES[20:])), shard_bytes=1))
    assert len(list(Path("out/train").glob("tokens-*"))) == 3
    assert len(list(Path("out/validation").glob("tokens-*"))) == 1


def test_nothing_needs_to_be_held_out(tokenizer: Path, lmkit: Lmkit) -> None:
    _, out, _ = lmkit(*typed(write("a.jsonl")), "--validation", "0")
    assert "validation:" not in out and not Path("out/validation").exists()


@pytest.mark.parametrize("value", ["1", "-0.1", "2", "nan"])
def test_an_invalid_fraction_is_refused(tokenizer: Path, lmkit: Lmkit, value: str) -> None:
    exit_code, _, err = lmkit(*typed(write("a.jsonl")), f"--validation={value}")
    assert exit_code == 2 and f"--validation: got {value}" in err


@pytest.mark.parametrize(
    ("bos", "eos"), [(True, True), (False, True), (True, False), (False, False)]
)
def test_bos_and_eos_are_added_or_left_out(
    tokenizer: Path, lmkit: Lmkit, bos: bool, eos: bool
) -> None:
    flags = ["--bos" if bos else "--no-bos", "--eos" if eos else "--no-eos"]
    assert lmkit(*typed(write("a.jsonl", NAMES[:3])), "--validation", "0", *flags)[0] == 0
    loaded = Tokenizer.load(tokenizer)
    expected = [
        [
            *([loaded.bos] if bos else []),
            *loaded.encode(DOCUMENTS[name]).tolist(),
            *([loaded.eos] if eos else []),
        ]
        for name in NAMES[:3]
    ]
    assert sorted(stored("out")) == sorted(expected)


def test_a_document_that_contains_the_eos_token_does_not_end_early(tokenizer: Path) -> None:
    text = "before </s><s> <pad> <mask> after"
    Path("a.jsonl").write_text(json.dumps({"id": "a", "text": text}))
    pack(config("a.jsonl", validation="0"))
    (ids,) = stored("out")
    loaded = Tokenizer.load(tokenizer)
    assert (ids[0], ids[-1]) == (loaded.bos, loaded.eos)
    assert not set(ids[1:-1]) & set(loaded.special.tolist())
    assert decoded("out") == [text]


def test_lines_that_cannot_be_read_are_counted_and_empty_ones_dropped(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    good = [json.dumps({"id": name, "text": DOCUMENTS[name]}) for name in NAMES[:3]]
    lines = [*good, "{broken", json.dumps({"id": "empty", "text": ""}), json.dumps({"id": "x"})]
    Path("a.jsonl").write_text("\n".join(lines))
    assert lmkit(*typed("a.jsonl"))[0] == 0
    counts = manifest(Path("out"))["counts"]
    assert (counts["documents_in"], counts["documents_out"]) == (6, 3)
    assert (counts["dropped"], counts["quarantined"]) == ({"empty": 1}, 2)
    assert len(records(Path("out"), "quarantine")) == 2


def test_a_changed_tokenizer_is_named_and_a_moved_one_is_not_a_change(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    command = typed(write("a.jsonl"))
    assert lmkit(*command)[0] == 0
    tokenizer.rename("elsewhere")
    moved = ["elsewhere" if word == "tokenizer" else word for word in command]
    assert "up to date" in lmkit(*moved)[2]
    path = Path("elsewhere/tokenizer.json")
    path.write_text(path.read_text() + " ")
    exit_code, _, err = lmkit(*moved)
    assert exit_code == 2 and "tokenizer.json: has another size than its manifest.json" in err
    Path("elsewhere/manifest.json").unlink()  # a tokenizer may come from anywhere
    exit_code, _, err = lmkit(*moved)
    assert exit_code == 2 and "input elsewhere has changed" in err


def test_a_tokenizer_without_a_token_that_is_needed_is_refused(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        roles = json.loads((tokenizer / name).read_text())
        del roles["eos_token"], roles["sep_token"]
        (tokenizer / name).write_text(json.dumps(roles))
    (tokenizer / "manifest.json").unlink()
    command = typed(write("a.jsonl"))
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "tokenizer has no EOS token" in err and "--no-eos" in err
    assert not Path("out").exists()
    assert lmkit(*command, "--no-eos")[0] == 0


@pytest.mark.parametrize("what", ["nowhere", "out.jsonl", "documents"])
def test_an_invalid_tokenizer_is_refused(tokenizer: Path, lmkit: Lmkit, what: str) -> None:
    file = write("a.jsonl")
    write("out.jsonl")
    lmkit("dedup", file, "--output", "documents")
    exit_code, _, err = lmkit("pack", file, "--tokenizer", what, "--output", "out")
    assert exit_code == 2 and what in err and not Path("out").exists()


def test_the_folder_holds_a_copy_of_its_tokenizer(tokenizer: Path) -> None:
    pack(config(write("a.jsonl")))
    made = contents(tokenizer)
    del made["report.json"]  # a report on the training text
    assert contents(Path("out/tokenizer")) == made


def test_a_killed_run_resumes_to_the_same_bytes(tokenizer: Path) -> None:
    for number in range(24):
        write(f"big/{number:02}.jsonl", NAMES[number % 5 :] * 2)
    options = "--tokenizer tokenizer --shard-bytes 1 --workers 1 --validation 1e-9 --output"
    command = ["pack", "big", *options.split()]
    run_to_end(*command, "whole")
    run_until_killed("train", 5, *command, "killed")
    assert len(list(Path("killed/.partial").glob("train-0*.json"))) == 5
    assert not Path("killed/manifest.json").exists()
    assert "resuming" in run_to_end(*command, "killed")
    assert contents(Path("killed")) == contents(Path("whole"))


RANGES = """
from lmkit.artifacts import sorted_runs
from lmkit.packing import row_ranges
row_ranges.RANGE = row_ranges.BEST_FIT_RANGE = 5
sorted_runs.RUN = 8
"""


@pytest.mark.parametrize("packing", ["chunk", "document"])
def test_ranges_of_the_order_give_the_bytes_of_one_range_whatever_is_killed(
    tokenizer: Path, packing: str
) -> None:
    for number in range(6):
        write(f"big/{number:02}.jsonl", NAMES[number % 5 :])
    options = f"--tokenizer tokenizer --shard-bytes 9000 --packing {packing} --validation 0.3"
    command = ["pack", "big", *options.split(), "--workers", "1", "--output"]
    run_to_end(*command, "whole")
    for step, number in (("train-keys", 1), ("train-ranges", 2), ("rows", 0), ("rows", 1)):
        run_until_killed(step, number, *command, "ranges", setup=RANGES)
        assert not Path("ranges/manifest.json").exists()
    assert "resuming" in run_to_end(*command, "ranges", setup=RANGES)
    assert contents(Path("ranges")) == contents(Path("whole"))
    assert manifest(Path("ranges"))["details"] == manifest(Path("whole"))["details"]


def test_ranges_do_not_depend_on_workers(
    tokenizer: Path, monkeypatch: pytest.MonkeyPatch, lmkit: Lmkit
) -> None:
    for number in range(4):
        write(f"big/{number:02}.jsonl", NAMES[number:])
    monkeypatch.setattr(row_ranges, "BEST_FIT_RANGE", 20)
    for workers in (1, 2):
        packed = config("big", output=f"by-{workers}", packing="best-fit", shard_bytes=9_000)
        pack(packed.model_copy(update={"workers": workers}))
    assert contents(Path("by-1")) == contents(Path("by-2"))
    assert lmkit("inspect", "by-2")[0] == 0
    again = config(Path("by-2"), output="again", tokenizer=None, packing="best-fit")
    pack(again)
    for name in ("train/rows/pieces.npy", "train/rows/starts.npy"):
        assert contents(Path("again"))[name] == contents(Path("by-1"))[name]


def test_overwriting_with_fewer_tasks_equals_a_new_run(tokenizer: Path, lmkit: Lmkit) -> None:
    write("a.jsonl")
    for number in range(4):
        write(f"parts/{number}.jsonl") if Path("parts").exists() else Path("parts").mkdir()
    parts = ["pack", "parts", "--tokenizer", tokenizer, "--sequence-length", "32"]
    assert lmkit(*parts, "--output", "again", "--shard-bytes", "1")[0] == 0
    whole = ["pack", "a.jsonl", "--tokenizer", tokenizer, "--sequence-length", "32"]
    assert lmkit(*whole, "--output", "again", "--overwrite")[0] == 0
    assert lmkit(*whole, "--output", "fresh")[0] == 0
    assert contents(Path("again")) == contents(Path("fresh"))


def test_a_failed_check_with_overwrite_leaves_a_finished_folder_unchanged(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    lmkit("pack", write("a.jsonl"), "--tokenizer", tokenizer, "--output", "packed")
    before = contents(Path("packed"))
    Path("one.jsonl").write_text(json.dumps({"text": "all alone"}))
    command = ["pack", "one.jsonl", "--tokenizer", tokenizer, "--output", "packed", "--overwrite"]
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "hold one document" in err
    assert contents(Path("packed")) == before


def test_copies_of_the_held_out_document_are_held_out_with_it(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    names = [f"{number}.jsonl" for number in range(4)]
    for name in names:
        text = "another text" if name == "3.jsonl" else "the same text"
        Path(name).write_text(json.dumps({"id": text, "text": text}))
    command = ["pack", *names, "--tokenizer", tokenizer, "--sequence-length", "8"]
    assert lmkit(*command, "--output", "one")[0] == 0
    assert lmkit(*command, "--output", "many", "--shard-bytes", "1")[0] == 0
    counts = [
        [manifest(Path(name))["details"][split]["documents"] for split in ("train", "validation")]
        for name in ("one", "many")
    ]
    assert counts[0] == counts[1] and sorted(counts[0]) == [1, 3]


def test_training_on_held_out_documents_is_a_warning(tokenizer: Path, lmkit: Lmkit) -> None:
    documents = write("a.jsonl")
    command = ["pack", documents, "--tokenizer", tokenizer, "--validation", documents]
    _, _, err = lmkit(*command, "--output", "packed")
    assert "held-out documents are also in the training split" in err


def placed(folder: str, split: str = "train", length: int = LENGTH) -> list[list[int]]:
    """Return the tokens of the sequences of a split, without padding."""
    opened = TokenSequences.open(Path(folder, split), length, pad=0)
    batch = opened.read(np.arange(len(opened)))
    return [
        tokens[documents > 0].tolist()
        for tokens, documents in zip(batch.tokens_BT, batch.documents_BT, strict=True)
    ]


@pytest.mark.parametrize("packing", ["best-fit", "document"])
def test_only_chunk_splits_documents_that_fit(tokenizer: Path, packing: str) -> None:
    length = 512
    file = write("a.jsonl")
    options = {"sequence_length": length, "validation": "0.2"}
    chunked = pack(config(file, output="chunked", **options)).details
    made = pack(config(file, packing=packing, **options)).details
    assert made["packing"] == packing and chunked["train"]["cut"] > 0
    for split in ("train", "validation"):
        found = made[split]
        every = sorted(token for ids in stored("out", split) for token in ids)
        rows = placed("out", split, length)
        assert sorted(token for row in rows for token in row) == every
        assert (found["cut"], found["rows"]) == (0, len(rows))
        assert found["padding"] == len(rows) * length - len(every)
    alone = sum(-(-len(ids) // length) for ids in stored("out"))
    rows_of_train = made["train"]["rows"]
    assert rows_of_train == alone if packing == "document" else rows_of_train < alone


def test_order_workers_and_tasks_change_no_sequence_of_best_fit(tokenizer: Path) -> None:
    options = {"packing": "best-fit", "validation": "0.3", "sequence_length": 256}
    pack(config(write("a.jsonl"), output="one", **options))
    parts = [write(f"{n}.jsonl", NAMES[::-1][n::3]) for n in range(3)]
    pack(config(*parts, output="many", shard_bytes=1, workers=2, **options))
    for split in ("train", "validation"):
        assert placed("one", split, 256) == placed("many", split, 256)


def test_the_summary_has_the_padding_and_the_split_documents(tokenizer: Path, lmkit: Lmkit) -> None:
    command = [*typed(write("a.jsonl")), "--validation", "0"]
    _, out, _ = lmkit(*command, "--packing", "document")
    found = manifest(Path("out"))["details"]["train"]
    fraction = found["padding"] / (found["rows"] * LENGTH)
    assert f"({fraction:.2%} padding, 0 documents split that would fit)" in out and fraction > 0
    exit_code, _, err = lmkit(*command, "--packing", "best")
    assert exit_code == 2 and "--packing: got best" in err


REPACK = ["pack", "out", "--output", "again", "--sequence-length", "200"]


def test_a_packed_folder_is_packed_into_other_sequences(tokenizer: Path, lmkit: Lmkit) -> None:
    parts = [write(f"{n}.jsonl", NAMES[n::3]) for n in range(3)]
    options = {"validation": "0.3", "shard_bytes": 1, "bos": False, "seed": 5}
    old = pack(config(*parts, **options))
    shutil.rmtree(tokenizer)  # it has a copy
    assert lmkit(*REPACK, "--packing", "best-fit")[0] == 0
    shutil.move("out", "gone")
    shutil.copytree("gone/tokenizer", "tokenizer")
    fresh = {"sequence_length": 200, "packing": "best-fit", **options}
    new = pack(config(*parts, output="fresh", **fresh))
    assert contents(Path("again")) == contents(Path("fresh"))
    made = manifest(Path("again"))
    assert made["details"] == new.details
    assert made["counts"] == new.counts.model_dump()
    assert made["inputs"][0]["sha256"] == [old.fingerprint] and len(made["inputs"]) == 1
    assert (made["config"]["validation"], made["config"]["bos"]) == ("0.3", False)


def test_other_sequences_share_the_tokens_on_disk_and_survive_the_first_folder(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    file = write("a.jsonl")
    pack(config(file, validation="0.3"))
    assert lmkit(*REPACK)[0] == 0
    before = contents(Path("again"))
    shards = sorted(path.name for path in Path("out/train").glob("*.npy"))
    assert all(Path("again/train", name).samefile(Path("out/train", name)) for name in shards)
    assert "up to date" in lmkit(*REPACK)[2]
    # Other documents in the first folder must not be written to the second one through the links.
    pack(config(write("b.jsonl", NAMES[5:25]), validation="0.3", overwrite=True))
    assert contents(Path("again")) == before
    exit_code, _, err = lmkit(*REPACK)
    assert exit_code == 2 and "input out has changed" in err
    assert lmkit(*REPACK, "--overwrite")[0] == 0
    shutil.rmtree("out")
    assert sorted(decoded("again") + decoded("again", "validation")) == sorted(
        DOCUMENTS[name] for name in NAMES[5:25]
    )


def test_a_link_that_a_killed_run_has_left_is_not_written_through(
    tokenizer: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(config(write("a.jsonl"), validation="0"))
    assert lmkit(*REPACK)[0] == 0
    before = contents(Path("out"))
    Path("again/.partial").mkdir()
    for serial in range(20):  # the names that a process with the same number would use
        left = Path("again/.partial", f"tokens-00000.npy.5-{serial}")
        os.link("out/train/tokens-00000.npy", left)
    monkeypatch.setattr(atomic, "_serial", itertools.count())
    monkeypatch.setattr(atomic, "_owner", lambda process: 5)
    fresh = config(write("b.jsonl", NAMES[5:25]), output="again", validation="0", overwrite=True)
    pack(fresh)
    assert contents(Path("out")) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tokenizer", "tokenizer"], "out is packed and has its own"),
        (["--validation", "0.2"], "--validation: got 0.2, but out was packed with 0.3"),
        (["--no-bos"], "--bos: got False, but out was packed with True"),
        (["--no-eos"], "--eos: got False, but out was packed with True"),
        (["--seed", "1"], "--seed: got 1, but out was packed with 0"),
    ],
)
def test_options_of_the_tokens_cannot_be_changed_when_repacking(
    tokenizer: Path, lmkit: Lmkit, flags: list[str], message: str
) -> None:
    pack(config(write("a.jsonl"), validation="0.3"))
    exit_code, _, err = lmkit(*REPACK, *flags)
    assert exit_code == 2 and message in err and not Path("again").exists()


def test_other_sequences_can_be_packed_from_their_manifest(tokenizer: Path, lmkit: Lmkit) -> None:
    pack(config(write("a.jsonl"), validation="0.3"))
    assert lmkit(*REPACK)[0] == 0
    assert lmkit("pack", "--config", "again/manifest.json", "--output", "third")[0] == 0
    assert contents(Path("third")) == contents(Path("again"))


@pytest.mark.parametrize("file", ["train/tokens-00000.npy", "tokenizer/tokenizer.json"])
def test_a_damaged_packed_folder_is_not_repacked(tokenizer: Path, lmkit: Lmkit, file: str) -> None:
    pack(config(write("a.jsonl")))
    path = Path("out", file)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    exit_code, _, err = lmkit(*REPACK)
    assert exit_code in {1, 2} and f"{path}: doesn't match its manifest.json" in err
    path.write_bytes(whole[:-1])
    exit_code, _, err = lmkit(*REPACK)
    assert exit_code == 2 and f"{path}: has another size" in err
    path.write_bytes(whole)
    assert lmkit(*REPACK)[0] == 0


def test_documents_without_a_tokenizer_are_refused(here: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("pack", write("a.jsonl"), "--output", "out")
    assert exit_code == 2 and "--tokenizer: missing" in err and not Path("out").exists()


def clustered(cluster_of: dict[str, str | int]) -> Path:
    lines = [
        {"id": name, "text": DOCUMENTS[name], "metadata": {"cluster": cluster_of[name]}}
        if name in cluster_of
        else {"id": name, "text": DOCUMENTS[name]}
        for name in NAMES
    ]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return Path("a.jsonl")


def test_documents_of_a_cluster_are_held_out_together(tokenizer: Path) -> None:
    cluster_of: dict[str, str | int] = {name: n // 5 for n, name in enumerate(NAMES[:20])}
    pack(config(clustered(cluster_of), validation="0.6"))
    # From the hash alone: of the cluster's name if there is one, else of the id.
    out = {name for name in NAMES if document_key(0, str(cluster_of.get(name, name))) < 0.6 * 2**64}
    assert held_out("out") == {DOCUMENTS[name] for name in out}
    assert 0 < len(out & cluster_of.keys()) < 20


def test_a_fraction_that_selects_nothing_holds_out_a_complete_cluster(tokenizer: Path) -> None:
    smallest = min((f"near-{n}" for n in range(100)), key=lambda name: document_key(0, name))
    assert all(document_key(0, smallest) < document_key(0, name) for name in NAMES)
    made = pack(config(clustered(dict.fromkeys(NAMES[:4], smallest)), validation="1e-9"))
    assert held_out("out") == {DOCUMENTS[name] for name in NAMES[:4]}
    assert made.details["train"]["documents"] == len(NAMES) - 4


def test_clusters_do_not_change_the_order_of_the_sequences(tokenizer: Path) -> None:
    pack(config(write("b.jsonl"), output="plain", validation="0"))
    pack(config(clustered(dict.fromkeys(NAMES[:9], "near")), validation="0"))
    assert placed("out") == placed("plain")


def write_lines(path: str, documents: list[dict[str, object]]) -> Path:
    Path(path).write_text("\n".join(map(json.dumps, documents)))
    return Path(path)


def from_source(source: str, names: Sequence[str]) -> list[dict[str, object]]:
    return [{"id": name, "text": DOCUMENTS[name], "source": source} for name in names]


def test_documents_and_tokens_are_counted_by_source(tokenizer: Path, lmkit: Lmkit) -> None:
    lines = [*from_source("web", NAMES[:12]), *from_source("books", NAMES[12:20])]
    one, two = write_lines("a.jsonl", lines), write_lines("b.jsonl", from_source("web", NAMES[20:]))
    shared = [*typed(one, two), "--validation", "0.2"]
    _, out, _ = lmkit(*shared)
    sources = manifest(Path("out"))["details"]["sources"]
    of = {"books": NAMES[12:20], "web": NAMES[:12] + NAMES[20:]}
    loaded = Tokenizer.load(tokenizer)
    for source, names in of.items():
        expected = {
            "documents": len(names),
            "tokens": sum(len(loaded.encode(DOCUMENTS[name])) + 2 for name in names),
            "bytes": sum(len(DOCUMENTS[name].encode()) for name in names),
        }
        assert sources[source] == expected
        documents, tokens, size = expected.values()
        line = f"from {source}: {documents:,} documents, {tokens:,} tokens, {size:,} bytes"
        assert line in out
    _, shown, _ = lmkit("inspect", "out")
    assert "sources" in shown and "books" in shown
    other = typed(two, one, output="other")
    assert lmkit(*other, "--validation", "0.2", "--shard-bytes", "1", "--workers", "2")[0] == 0
    assert manifest(Path("other"))["details"]["sources"] == sources
    assert lmkit(*REPACK)[0] == 0
    assert manifest(Path("again"))["details"]["sources"] == sources


@pytest.fixture
def words(here: Path) -> Path:
    """A tokenizer of English words, in the current folder."""
    names = write("words.jsonl")
    options = {"inputs": [names], "output": "words", "algorithm": "word", "vocab_size": 1_500}
    train_tokenizer(TrainTokenizerConfig.model_validate(options))
    return Path("words")


GERMAN = "Jeder hat das Recht auf Leben, Freiheit und Sicherheit der Person. "


def german(count: int, start: int = 0) -> list[dict[str, object]]:
    return [{"id": f"de-{n}", "text": GERMAN * 20} for n in range(start, start + count)]


def test_a_tokenizer_without_any_word_of_the_text_is_refused_before_work_starts(
    words: Path, lmkit: Lmkit
) -> None:
    command = ["pack", write_lines("de.jsonl", german(4)), "--tokenizer", words, "--output", "out"]
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and not Path("out").exists()
    for part in (
        "tokens are unknown",
        "document de-0 has",
        "de.jsonl",
        "--limits.unknown-fraction",
    ):
        assert part in err
    assert lmkit(*command, "--limits.unknown-fraction", "none")[0] == 0


def english() -> list[dict[str, object]]:
    """As many documents as are checked before work starts."""
    numbered = enumerate(NAMES[:6] * 12)
    return [{"id": f"en-{n}", "text": DOCUMENTS[name]} for n, name in numbered]


def test_a_run_refused_after_counting_everything_resumes_when_the_limit_is_lifted(
    words: Path, lmkit: Lmkit
) -> None:
    file = write_lines("mixed.jsonl", [*english(), *german(300)])
    command = ["pack", file, "--tokenizer", words, "--output", "out", "--validation", "0.1"]
    exit_code, _, err = lmkit(*command)
    assert exit_code == 1 and "tokens are unknown" in err and "de-0 has" in err
    assert not Path("out/manifest.json").exists()
    exit_code, _, err = lmkit(*command, "--limits.unknown-fraction", "0.99")
    assert exit_code == 0 and "resuming" in err
    assert lmkit(*command, "--limits.unknown-fraction", "none", "--output", "fresh")[0] == 0
    assert contents(Path("out")) == contents(Path("fresh"))
    assert "up to date" in lmkit(*command)[2]


def test_refusals_are_the_same_for_all_workers_and_task_sizes(words: Path, lmkit: Lmkit) -> None:
    one = write_lines("one.jsonl", [*english(), *german(300)])
    two = write_lines("two.jsonl", [*english()[:40], *german(30, start=300)])
    command = ["pack", one, two, "--tokenizer", words, "--sequence-length", "64"]
    _, _, err = lmkit(*command, "--output", "a", "--workers", "1")
    _, _, other = lmkit(*command, "--output", "b", "--workers", "2", "--shard-bytes", "1")
    refused = [text[text.index("Error:") :] for text in (err, other)]
    assert refused[0] == refused[1] and "not those of natural text" in refused[0]


NOISE = "".join(random.Random(3).choices([chr(point) for point in range(33, 127)], k=9_000))


@pytest.mark.parametrize(
    ("text", "message"), [("ab" * 9_000, "repeat themselves"), (NOISE, "as noise has")]
)
def test_text_that_is_not_natural_is_refused(
    tokenizer: Path, lmkit: Lmkit, text: str, message: str
) -> None:
    file = write_lines("a.jsonl", [{"id": f"odd-{n}", "text": text} for n in range(3)])
    exit_code, _, err = lmkit(*typed(file))
    assert exit_code == 2 and message in err and "document odd-0 has" in err
    few = [*from_source("s", NAMES), {"id": "odd", "text": text[:2_000], "source": "s"}]
    exit_code, _, err = lmkit(*typed(write_lines("b.jsonl", few)))
    assert exit_code == 0 and "Warning" in err and "document odd has" in err


def test_a_tokenizer_whose_tokens_decode_to_something_else_is_refused(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    path = tokenizer / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"decoder": None}))
    (tokenizer / "manifest.json").unlink()
    command = typed(write("a.jsonl"))
    exit_code, _, err = lmkit(*command)
    assert exit_code == 2 and "don't decode to their text" in err and not Path("out").exists()
    assert lmkit(*command, "--limits.decode-sample", "none")[0] == 0


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_damaged_sequences_are_detected_by_every_command_that_reads_them(
    packed: Path, trained: Path, here: Path, lmkit: Lmkit, damage: str
) -> None:
    shutil.copytree(packed, "copy")
    for name in ("validation/tokens-00000.npy", "train/rows/pieces.npy"):
        path = Path("copy", name)
        whole = path.read_bytes()
        path.write_bytes(whole[:-3] if damage == "truncated" else whole[:-1] + b"\x55")
        if name.startswith("validation"):
            exit_code, _, err = lmkit("eval", trained, "--data", "copy")
            assert exit_code == 2 and name in err and "manifest.json" in err
        exit_code, _, err = lmkit("pretrain", "copy", "--output", "run", "--steps", "1")
        assert exit_code == 2 and name in err and not Path("run").exists()
        exit_code, out, _ = lmkit("inspect", "copy")
        assert exit_code == 0 and (damage == "flipped" or f"{name}: has " in out)
        path.write_bytes(whole)


def test_sequences_may_be_longer_than_any_document(tokenizer: Path, lmkit: Lmkit) -> None:
    command = [*typed(write("a.jsonl")), "--validation", "0"]
    for packing in ("chunk", "best-fit"):
        options = ["--sequence-length", "1000000", "--packing", packing, "--overwrite"]
        exit_code, _, err = lmkit(*command, *options)
        found = manifest(Path("out"))["details"]["train"]
        assert exit_code == 0 and "fits in one sequence of 1,000,000 tokens" in err
        assert (found["rows"], found["cut"]) == (1, 0)
        assert found["padding"] == 1_000_000 - found["tokens"]


@settings(max_examples=15)
@given(
    sizes=st.lists(st.integers(0, 400), min_size=3, max_size=25),
    length=st.integers(2, 90),
    packing=st.sampled_from(["chunk", "best-fit", "document"]),
    framing=st.tuples(st.booleans(), st.booleans()),
    fraction=st.sampled_from(["0", "0.01", "0.5"]),
    shard_bytes=st.sampled_from([1, 3_000, 1_000_000]),
)
def test_nothing_is_lost_for_any_lengths_and_settings(
    made_tokenizer: Path,
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    length: int,
    packing: str,
    framing: tuple[bool, bool],
    fraction: str,
    shard_bytes: int,
) -> None:
    folder = tmp_path_factory.mktemp("lengths")
    text = " ".join(DOCUMENTS.values())
    documents = [{"id": n, "text": text[n * 50 :][:size]} for n, size in enumerate(sizes)]
    kept = [str(document["text"]) for document in documents if document["text"]]
    if len(kept) < 3:
        return
    for number in range(3):
        lines = "\n".join(map(json.dumps, documents[number::3]))
        (folder / f"{number}.jsonl").write_text(lines)
    options = {"bos": framing[0], "eos": framing[1], "shard_bytes": shard_bytes}
    inputs = [folder / f"{n}.jsonl" for n in range(3) if documents[n::3]]
    made = pack(
        config(
            *inputs,
            output=str(folder / "out"),
            tokenizer=made_tokenizer,
            sequence_length=length,
            packing=packing,
            validation=fraction,
            **options,
        )
    )
    encode = Tokenizer.load(made_tokenizer).encode
    expected = sorted(encode(text).tolist() for text in kept)
    first, last = (1 if framing[0] else 0), (-1 if framing[1] else None)
    splits = [split for split in ("train", "validation") if split in made.details]
    both = [ids[first:last] for split in splits for ids in stored(folder / "out", split)]
    assert sorted(both) == expected
    counts = made.counts
    assert counts.documents_in == len(documents) and counts.documents_out == len(kept)
    assert counts.more["tokens"] == sum(map(len, expected)) + len(kept) * sum(framing)
    for split in splits:
        found = made.details[split]
        opened = TokenSequences.open(folder / "out" / split, length, pad=0)
        batch = opened.read(np.arange(len(opened)))
        inside = batch.tokens_BT[batch.documents_BT > 0].tolist()
        assert sorted(inside) == sorted(t for ids in stored(folder / "out", split) for t in ids)
        assert found["rows"] * length == found["tokens"] + found["padding"]
    by_source = made.details["sources"].values()
    assert sum(source["tokens"] for source in by_source) == counts.more["tokens"]
    assert sum(source["bytes"] for source in by_source) == sum(len(t.encode()) for t in kept)
