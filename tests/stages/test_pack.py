import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest

from lmkit.stages.pack import PackConfig, pack
from lmkit.stages.train_tokenizer import TrainTokenizerConfig, train_tokenizer
from lmkit.tokens.rows import TokenRows
from lmkit.tokens.split import document_key
from lmkit.tokens.tokenizer import Tokenizer
from tests.artifacts.test_folder import descendants, wait_for
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


def stored(folder: str | Path, side: str = "train") -> list[list[int]]:
    """Return the tokens of every document of a side, read with numpy alone."""
    found: list[list[int]] = []
    for path in sorted(Path(folder, side).glob("tokens-*.npy")):
        tokens = np.load(path)
        places = np.load(path.with_name(path.name.replace("tokens", "documents")))
        found += [tokens[p["start"] :][: p["tokens"]].tolist() for p in places]
    return found


def decoded(folder: str, side: str = "train") -> list[str]:
    tokenizer = Tokenizer.load(Path(folder, "tokenizer"))
    return [tokenizer.decode(ids) for ids in stored(folder, side)]


def rows(folder: str, side: str = "train") -> TokenRows:
    return TokenRows.open(Path(folder, side), LENGTH, pad=0)


def held_out(folder: str) -> set[str]:
    return set(decoded(folder, "validation"))


def test_a_packed_folder_decodes_back_to_the_documents(tokenizer: Path) -> None:
    pack(config(write("a.jsonl"), validation="0.2"))
    both = decoded("out", "train") + decoded("out", "validation")
    assert sorted(both) == sorted(DOCUMENTS.values())


def test_every_token_of_every_document_lies_in_one_row(tokenizer: Path) -> None:
    made = pack(config(write("a.jsonl"), validation="0.2"))
    for side in ("train", "validation"):
        found = made.details[side]
        documents = stored("out", side)
        batch = rows("out", side).read(np.arange(found["rows"]))
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


def test_who_is_held_out_depends_on_the_id_alone(tokenizer: Path) -> None:
    pack(config(write("a.jsonl"), output="whole", validation="0.3"))
    share = {DOCUMENTS[name] for name in NAMES if document_key(0, name) < 0.3 * 2**64}
    assert held_out("whole") == share and 0 < len(share) < len(NAMES)
    pack(config(write("b.jsonl", NAMES[:15]), output="half", validation="0.3"))
    assert held_out("half") == share & {DOCUMENTS[name] for name in NAMES[:15]}


def test_order_workers_and_tasks_change_no_row(tokenizer: Path) -> None:
    pack(config(write("a.jsonl"), output="one", validation="0.3"))
    parts = [write(f"{n}.jsonl", NAMES[::-1][n::3]) for n in range(3)]
    pack(config(*parts, output="many", validation="0.3", shard_bytes=1, workers=2))
    pack(config(*parts[::-1], output="other", validation="0.3", shard_bytes=1))
    assert contents(Path("many")) == contents(Path("other"))
    assert len(list(Path("many/train").glob("tokens-*"))) == 3
    for side in ("train", "validation"):
        one, many = rows("one", side), rows("many", side)
        every = np.arange(len(one))
        assert len(one) == len(many)
        for name, value in vars(one.read(every)).items():
            np.testing.assert_array_equal(value, vars(many.read(every))[name])


def test_another_seed_holds_out_others(tokenizer: Path) -> None:
    file = write("a.jsonl")
    pack(config(file, output="one", validation="0.3"))
    pack(config(file, output="two", validation="0.3", seed=1))
    assert held_out("one") != held_out("two")


@pytest.mark.parametrize("shard_bytes", [1, 10_000_000])
def test_a_share_that_hits_nothing_holds_out_the_smallest_hash(
    tokenizer: Path, shard_bytes: int
) -> None:
    parts = [write(f"{n}.jsonl", NAMES[n::3]) for n in range(3)]
    made = pack(config(*parts, validation="0.000001", shard_bytes=shard_bytes))
    smallest = min(NAMES, key=lambda name: document_key(0, name))
    assert decoded("out", "validation") == [DOCUMENTS[smallest]]
    assert made.counts.documents_out == len(NAMES)
    assert len(stored("out")) == len(NAMES) - 1


def test_one_document_alone_is_refused_and_nothing_is_left(tokenizer: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*typed(write("a.jsonl", NAMES[:1])))
    assert exit_code == 2 and "--validation FOLDER" in err
    assert not (Path("out").exists() and list(Path("out").iterdir()))
    assert lmkit(*typed("a.jsonl"), "--validation", "0")[0] == 0
    assert decoded("out") == [DOCUMENTS[NAMES[0]]]


def test_one_document_in_a_folder_of_ours_is_refused_before_work_starts(
    tokenizer: Path, lmkit: Lmkit
) -> None:
    lmkit("dedup", write("a.jsonl", NAMES[:1]), "--output", "documents")
    exit_code, _, err = lmkit(*typed("documents"))
    assert exit_code == 2 and "--validation FOLDER" in err and not Path("out").exists()


def test_validation_can_be_a_folder_of_its_own(tokenizer: Path, lmkit: Lmkit) -> None:
    write("held/b.jsonl", NAMES[20:])
    exit_code, out, _ = lmkit(*typed(write("a.jsonl", NAMES[:20])), "--validation", "held")
    assert exit_code == 0 and "validation: 10 documents" in out
    assert sorted(decoded("out")) == sorted(DOCUMENTS[name] for name in NAMES[:20])
    assert held_out("out") == {DOCUMENTS[name] for name in NAMES[20:]}


def test_each_side_has_only_shards_of_its_own_documents(tokenizer: Path) -> None:
    parts = [write(f"{n}.jsonl", NAMES[n:20:3]) for n in range(3)]
    pack(config(*parts, validation=str(write("held/b.jsonl", NAMES[20:])), shard_bytes=1))
    assert len(list(Path("out/train").glob("tokens-*"))) == 3
    assert len(list(Path("out/validation").glob("tokens-*"))) == 1


def test_nothing_needs_to_be_held_out(tokenizer: Path, lmkit: Lmkit) -> None:
    _, out, _ = lmkit(*typed(write("a.jsonl")), "--validation", "0")
    assert "validation:" not in out and not Path("out/validation").exists()


@pytest.mark.parametrize("value", ["1", "-0.1", "2", "nan"])
def test_a_share_that_is_none_is_refused(tokenizer: Path, lmkit: Lmkit, value: str) -> None:
    exit_code, _, err = lmkit(*typed(write("a.jsonl")), f"--validation={value}")
    assert exit_code == 2 and f"--validation: got {value}" in err


@pytest.mark.parametrize(
    ("begin", "end"), [(True, True), (False, True), (True, False), (False, False)]
)
def test_begin_and_end_are_put_on_or_left_off(
    tokenizer: Path, lmkit: Lmkit, begin: bool, end: bool
) -> None:
    flags = ["--begin" if begin else "--no-begin", "--end" if end else "--no-end"]
    assert lmkit(*typed(write("a.jsonl", NAMES[:3])), "--validation", "0", *flags)[0] == 0
    cutter = Tokenizer.load(tokenizer)
    expected = [
        [
            *([cutter.begin] if begin else []),
            *cutter.encode(DOCUMENTS[name]).tolist(),
            *([cutter.end] if end else []),
        ]
        for name in NAMES[:3]
    ]
    assert sorted(stored("out")) == sorted(expected)


def test_a_document_that_writes_the_end_token_does_not_end_early(tokenizer: Path) -> None:
    text = "before </s><s> <pad> <mask> after"
    Path("a.jsonl").write_text(json.dumps({"id": "a", "text": text}))
    pack(config("a.jsonl", validation="0"))
    (ids,) = stored("out")
    cutter = Tokenizer.load(tokenizer)
    assert (ids[0], ids[-1]) == (cutter.begin, cutter.end)
    assert not set(ids[1:-1]) & set(cutter.special.tolist())
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


def test_a_changed_tokenizer_is_named_and_a_moved_one_is_no_change(
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
    assert exit_code == 2 and "tokenizer has no end token" in err and "--no-end" in err
    assert not Path("out").exists()
    assert lmkit(*command, "--no-end")[0] == 0


@pytest.mark.parametrize("what", ["nowhere", "out.jsonl", "documents"])
def test_what_is_no_tokenizer_is_refused(tokenizer: Path, lmkit: Lmkit, what: str) -> None:
    file = write("a.jsonl")
    write("out.jsonl")
    lmkit("dedup", file, "--output", "documents")
    exit_code, _, err = lmkit("pack", file, "--tokenizer", what, "--output", "out")
    assert exit_code == 2 and what in err and not Path("out").exists()


def test_the_folder_brings_its_tokenizer_along(tokenizer: Path) -> None:
    pack(config(write("a.jsonl")))
    assert contents(Path("out/tokenizer")) == contents(tokenizer)


def test_a_killed_run_is_resumed_to_the_very_same_bytes(tokenizer: Path) -> None:
    for number in range(24):
        write(f"big/{number:02}.jsonl", NAMES[number % 5 :] * 2)
    options = "--tokenizer tokenizer --shard-bytes 1 --workers 1 --validation 1e-9 --output"
    command = [sys.executable, "-m", "lmkit", "pack", "big", *options.split()]
    subprocess.run([*command, "whole"], check=True, capture_output=True)
    run = subprocess.Popen([*command, "killed"], stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(Path("killed/.partial").glob("train-0*.json"))) >= 3)
    helpers = list(descendants(run.pid))
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in helpers))
    assert not Path("killed/manifest.json").exists()
    resumed = subprocess.run([*command, "killed"], capture_output=True, text=True, check=True)
    assert "resuming" in resumed.stderr
    assert contents(Path("killed")) == contents(Path("whole"))


def test_overwriting_with_fewer_tasks_is_a_fresh_pack(tokenizer: Path, lmkit: Lmkit) -> None:
    write("a.jsonl")
    for number in range(4):
        write(f"parts/{number}.jsonl") if Path("parts").exists() else Path("parts").mkdir()
    parts = ["pack", "parts", "--tokenizer", tokenizer, "--sequence-length", "32"]
    assert lmkit(*parts, "--output", "again", "--shard-bytes", "1")[0] == 0
    whole = ["pack", "a.jsonl", "--tokenizer", tokenizer, "--sequence-length", "32"]
    assert lmkit(*whole, "--output", "again", "--overwrite")[0] == 0
    assert lmkit(*whole, "--output", "fresh")[0] == 0
    assert contents(Path("again")) == contents(Path("fresh"))


def test_a_late_look_at_one_document_leaves_a_finished_folder_alone(
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
        [manifest(Path(name))["details"][side]["documents"] for side in ("train", "validation")]
        for name in ("one", "many")
    ]
    assert counts[0] == counts[1] and sorted(counts[0]) == [1, 3]


def test_training_on_what_is_held_out_is_said_aloud(tokenizer: Path, lmkit: Lmkit) -> None:
    documents = write("a.jsonl")
    command = ["pack", documents, "--tokenizer", tokenizer, "--validation", documents]
    _, _, err = lmkit(*command, "--output", "packed")
    assert "held-out documents are among those to train on" in err
