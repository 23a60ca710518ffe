import json
from pathlib import Path
from pydoc_data.topics import topics

from tests.conftest import Lmkit, contents, manifest

COMMANDS = [
    "clean raw --output work/clean",
    "dedup work/clean --output work/dedup",
    "train-tokenizer work/dedup --output work/tokenizer --vocab-size 700",
    "pack work/dedup --tokenizer work/tokenizer --output work/packed --sequence-length 64",
    "pretrain work/packed --output work/run --model.preset tiny-decoder --steps 3 --device cpu",
    "eval work/run --data work/packed --output work/eval",
]


def write_raw() -> None:
    """Write real texts in three formats, including a copy, a short one and a broken one."""
    Path("raw").mkdir()
    names = sorted(topics)[:12]
    for name in names[:8]:
        Path("raw", f"{name}.txt").write_text(topics[name])
    Path("raw/copy.md").write_text(topics[names[0]].upper())
    Path("raw/short.txt").write_text("too short")
    Path("raw/broken.txt").write_bytes(b"\xff\xfe\xff")
    lines = (json.dumps({"id": name, "text": topics[name]}) for name in names[8:])
    Path("raw/more.jsonl").write_text("\n".join(lines))


def test_all_commands_run_from_raw_text_and_are_then_up_to_date(here: Path, lmkit: Lmkit) -> None:
    write_raw()
    for command in COMMANDS:
        exit_code, _, err = lmkit(*command.split())
        assert exit_code == 0, err
    clean, dedup, tokenizer, packed = (
        manifest(Path("work", name))["counts"] for name in ("clean", "dedup", "tokenizer", "packed")
    )
    assert clean["documents_in"] == 15 and clean["documents_out"] == 13
    assert clean["dropped"] == {"too_short": 1} and clean["quarantined"] == 1
    assert dedup["documents_in"] == clean["documents_out"]
    assert dedup["dropped"] == {"exact_duplicate": 1}
    assert tokenizer["documents_in"] == packed["documents_in"] == dedup["documents_out"] == 12

    exit_code, out, _ = lmkit("generate", "work/run", "--prompt", "The", "--max-tokens", "5")
    assert exit_code == 0 and out.startswith("The")

    before = contents(Path("work"))
    for command in COMMANDS:
        exit_code, _, err = lmkit(*command.split())
        output = command.split("--output ")[1].split()[0]
        assert (exit_code, err) == (0, f"{output}: up to date\n")
        assert lmkit("inspect", output)[0] == 0
    assert contents(Path("work")) == before


def test_making_the_same_bytes_again_makes_nothing_stale(here: Path, lmkit: Lmkit) -> None:
    write_raw()
    for command in COMMANDS:
        lmkit(*command.split())
    assert "up to date" not in lmkit(*COMMANDS[1].split(), "--overwrite")[2]
    assert "work/packed: up to date" in lmkit(*COMMANDS[3].split())[2]


def test_a_change_upstream_is_named_downstream(here: Path, lmkit: Lmkit) -> None:
    write_raw()
    for command in COMMANDS:
        lmkit(*command.split())
    lmkit(*COMMANDS[1].split(), "--overwrite", "--source", "other")
    exit_code, _, err = lmkit(*COMMANDS[3].split())
    assert exit_code == 2 and "input work/dedup has changed" in err
