import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts.manifest import Manifest
from lmkit.artifacts.signals_file import read_signals
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.clean.run import clean
from tests.conftest import Lmkit, contents, manifest, prose, records, texts

GOOD = "Call me Ishmael. Some years ago I thought I would sail about a little."


def test_cleaning_keeps_rejects_and_quarantines_each_record_once(here: Path, lmkit: Lmkit) -> None:
    raw = Path("raw")
    raw.mkdir()
    (raw / "a.txt").write_text(GOOD)
    (raw / "b.txt").write_text("too short")
    (raw / "c.txt").write_bytes(b"caf\xe9 au lait, and a lot of it, in Latin-1")
    (raw / "d.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": GOOD}).encode() + b"\n{"))
    exit_code, out, err = lmkit("clean", raw, "--output", "out")
    assert exit_code == 0
    assert out == "out: kept 2 of 5 documents (dropped 1 too_short, 2 quarantined)\n"
    assert "quarantined: raw: c.txt: not UTF-8: invalid continuation byte, at byte 3" in err
    counts = manifest(Path("out"))["counts"]
    assert (counts["documents_in"], counts["documents_out"], counts["quarantined"]) == (5, 2, 2)
    assert [r["reason"] for r in records(Path("out"), "rejected")] == ["too_short"]
    assert [r["origin"] for r in records(Path("out"), "quarantine")] == ["c.txt", "d.jsonl.gz"]


def test_if_nothing_can_be_read_it_fails_and_keeps_the_quarantine(here: Path, lmkit: Lmkit) -> None:
    Path("a.txt").write_bytes(b"\x89PNG\r\n")
    for _ in range(2):
        exit_code, _, err = lmkit("clean", "a.txt", "--output", "out")
        assert exit_code == 1
        assert "a.txt: not what its name says: a PNG picture" in err
        assert "nothing could be read" in err
        assert len(records(Path("out"), "quarantine")) == 1
        assert not Path("out/manifest.json").exists()


def test_cleaning_is_idempotent(raw: Path) -> None:
    (raw / "code.py").write_text(
        "def f():\n\treturn 'x²  \u00a0'  \r\n\r\n\r\n\r\n\r\nprint(f())\r\n"
    )
    clean(CleanConfig(inputs=(raw,), output=Path("once")))
    clean(CleanConfig(inputs=(Path("once"),), output=Path("twice")))
    assert records(Path("once")) == records(Path("twice"))


@pytest.mark.parametrize(("keep", "kept"), [("all", 1), ("none", 0)])
def test_rejected_documents_are_written_as_configured(raw: Path, keep: str, kept: int) -> None:
    values = {"inputs": [raw], "output": "out", "keep_rejected": keep}
    clean(CleanConfig.model_validate(values))
    assert len(records(Path("out"), "rejected")) == kept


def test_a_format_can_be_forced(here: Path, lmkit: Lmkit) -> None:
    Path("notes").write_text(GOOD)
    assert lmkit("clean", "notes", "--output", "out")[0] == 2
    assert lmkit("clean", "notes", "--format", "text", "--output", "out")[0] == 0
    assert texts(Path("out")) == [GOOD]


def test_real_books_are_kept_completely(corpora: Path, here: Path, lmkit: Lmkit) -> None:
    book = corpora / "books" / "austen--persuasion--pg105.txt.zst"
    exit_code, out, _ = lmkit("clean", book, "--output", "out")
    assert (exit_code, out) == (0, "out: kept 1 of 1 documents\n")
    (text,) = texts(Path("out"))
    assert "\r" not in text and "Sir Walter Elliot, of Kellynch Hall" in text


RULES = ("--filters.preset", "none", "--filters.rules", "gopher,c4-paper,fineweb")


def test_dropped_documents_name_the_deciding_value(here: Path, lmkit: Lmkit) -> None:
    lines = [{"id": "a", "text": GOOD}, {"id": "b", "text": "again and again " * 30}]
    Path("raw.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert lmkit("clean", "raw.jsonl", "--output", "out", *RULES)[0] == 0
    decided = [(r["reason"], r["decided"]) for r in records(Path("out"), "rejected")]
    assert decided[1][0] == "gopher.top_2gram_fraction"
    assert decided[1][1].startswith("gopher.top_2gram_fraction 0.") and "> 0.2" in decided[1][1]


@pytest.mark.parametrize(("workers", "shard_bytes"), [("2", "20000"), ("1", "3000")])
def test_workers_and_task_sizes_change_no_verdict(
    here: Path, lmkit: Lmkit, workers: str, shard_bytes: str
) -> None:
    texts_in = [text.replace(". ", ".\n") for text in prose(60)]
    Path("raw").mkdir()
    for part in range(6):
        lines = (json.dumps({"text": text}) for text in texts_in[part * 10 : part * 10 + 10])
        Path(f"raw/{part}.jsonl").write_text("\n".join(lines))
    lmkit("clean", "raw", "--output", "whole", *RULES)
    cut = ("--workers", workers, "--shard-bytes", shard_bytes)
    lmkit("clean", "raw", "--output", "cut", *RULES, *cut)
    assert len(list(Path("cut").glob("signals-*.parquet"))) > 1
    for kind in ("documents", "rejected"):
        whole, parts = records(Path("whole"), kind), records(Path("cut"), kind)
        assert whole == parts
    shards = [sorted(Path(name).glob("signals-*")) for name in ("whole", "cut")]
    assert read_signals(shards[0]).to_pylist() == read_signals(shards[1]).to_pylist()
    assert len(records(Path("whole"))) not in {0, 60}


TWO = "Mr. Smith came in. He sat down by the fire.\n\nNobody said a word to him. It rained."


def test_sentences_are_split_by_the_language_of_each_document(here: Path, lmkit: Lmkit) -> None:
    german = "Er kam z. B. am Montag zu uns. Dann ging er wieder fort."
    lines = [{"text": TWO}, {"text": german, "metadata": {"language": "de"}}]
    Path("raw.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert lmkit("clean", "raw.jsonl", "--output", "out", "--sentences", "offsets")[0] == 0
    found = [
        [record["text"][start:stop] for start, stop in record["metadata"]["sentences"]]
        for record in records(Path("out"))
    ]
    assert found[0] == [
        "Mr. Smith came in.",
        "He sat down by the fire.",
        "Nobody said a word to him.",
        "It rained.",
    ]
    assert found[1] == ["Er kam z. B. am Montag zu uns.", "Dann ging er wieder fort."]
    assert lmkit("clean", "raw.jsonl", "--output", "lines", "--sentences", "lines")[0] == 0
    assert texts(Path("lines"))[1].split("\n") == found[1]
    exit_code, _, err = lmkit("clean", "raw.jsonl", "--output", "no", "--sentences", "words")
    assert exit_code == 2 and "--sentences: got words, must be 'offsets' or 'lines'" in err


def test_long_documents_are_split_and_their_parts_join_to_them(here: Path, lmkit: Lmkit) -> None:
    lines = [{"id": "long", "text": TWO}, {"id": "short", "text": TWO.split("\n")[0]}]
    Path("raw.jsonl").write_text("\n".join(map(json.dumps, lines)))
    exit_code, out, _ = lmkit("clean", "raw.jsonl", "--output", "out", "--max-characters", "50")
    assert exit_code == 0 and out == "out: kept 3 of 3 documents\n"
    first, second, short = records(Path("out"))
    assert short["id"] == "short" and "part" not in short["metadata"]
    assert [first["id"], second["id"]] == ["long#0", "long#1"]
    joined = "".join(part["text"] + part["metadata"]["part"]["after"] for part in (first, second))
    assert joined == TWO
    exit_code, out, _ = lmkit("inspect", "out", "--document", "long#1")
    assert exit_code == 0 and "long" in out
    # Cleaning the parts again, with the same limit, finds nothing to do.
    assert lmkit("clean", "out", "--output", "again", "--max-characters", "50")[0] == 0
    assert records(Path("again")) == records(Path("out"))


GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund und geht dann nach Hause."


def test_documents_in_other_languages_are_dropped_and_all_are_labelled(
    here: Path, lmkit: Lmkit
) -> None:
    Path("raw.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in (GOOD, GERMAN)))
    code, out, _ = lmkit("clean", "raw.jsonl", "--output", "out", "--language", "en,fr")
    assert (code, out) == (0, "out: kept 1 of 2 documents (dropped 1 language)\n")
    (kept,), (dropped,) = records(Path("out")), records(Path("out"), "rejected")
    assert (kept["metadata"]["language"], dropped["metadata"]["language"]) == ("en", "de")
    assert dropped["decided"] == "language 0 < 0.5"
    # The threshold is a limit like any other: it can be tried without reading a text again.
    _, shown, _ = lmkit("inspect", "out", "--rules", "--limits", "min-language-score=0", "--json")
    assert json.loads(shown)["verdicts"]["kept_by_these_limits"] == 2
    assert lmkit("clean", "raw.jsonl", "--output", "all", "--language", "all")[0] == 0
    assert [r["metadata"]["language"] for r in records(Path("all"))] == ["en", "de"]


def test_an_unknown_language_is_refused_before_anything_is_read(here: Path, lmkit: Lmkit) -> None:
    Path("a.txt").write_text(GOOD)
    code, _, err = lmkit("clean", "a.txt", "--output", "out", "--language", "en,germn")
    assert code == 2
    assert "--language: got germn" in err and "did you mean de (German)?" in err
    assert not Path("out").exists()


PRIVATE = "Write to jo@example.com or call (212) 555-0123, or again Jo@Example.com, please do."


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("tag", "Write to [EMAIL] or call [PHONE], or again [EMAIL], please do."),
        ("none", PRIVATE),
    ],
)
def test_pii_is_replaced_and_counted(here: Path, lmkit: Lmkit, action: str, text: str) -> None:
    Path("raw.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in (PRIVATE, GOOD)))
    assert lmkit("clean", "raw.jsonl", "--output", "out", "--pii.action", action)[0] == 0
    assert texts(Path("out")) == [text, GOOD]
    more = manifest(Path("out"))["counts"]["more"]
    found = {key: more[key] for key in more if key.startswith("private")}
    assert found == ({} if action == "none" else {"private_email": 2, "private_phone": 1})


def test_what_normalization_removes_is_counted(here: Path, lmkit: Lmkit) -> None:
    found = [GOOD + " Leucht\u00adturm o\ufb03ce\u200b", GOOD + " Wo\u00adchen", "\u200b" * 200]
    Path("raw.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in found))
    assert lmkit("clean", "raw.jsonl", "--output", "out", "--filters.preset", "none")[0] == 0
    assert texts(Path("out")) == [GOOD + " Leuchtturm office", GOOD + " Wochen"]
    counts = manifest(Path("out"))["counts"]
    expected = {"removed_soft_hyphens": 2, "removed_zero_width_spaces": 201}
    assert counts["dropped"] == {"empty": 1}
    assert {**counts["more"], **expected, "expanded_ligatures": 1} == counts["more"]


def test_documents_with_pii_can_be_dropped_and_it_is_not_written_with_the_rejected(
    here: Path, lmkit: Lmkit
) -> None:
    Path("raw.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in (PRIVATE, GOOD)))
    code, out, _ = lmkit("clean", "raw.jsonl", "--output", "out", "--pii.action", "drop")
    assert (code, out) == (0, "out: kept 1 of 2 documents (dropped 1 private_data)\n")
    (dropped,) = records(Path("out"), "rejected")
    assert dropped["decided"] == "private_data 2 email, 1 phone"
    assert "example.com" not in dropped["text"].lower()


def test_listed_words_and_urls_drop_documents(here: Path, lmkit: Lmkit) -> None:
    Path("words.txt").write_text("frobnicate\n")
    Path("domains.txt").write_text("bad.example\n")
    pages = [
        {"id": "good", "text": GOOD, "url": "https://good.example/"},
        {"id": "domain", "text": GOOD, "url": "https://www.bad.example/"},
        {"id": "word", "text": GOOD.replace("sail", "frobnicate")},
    ]
    Path("raw.jsonl").write_text("\n".join(map(json.dumps, pages)))
    rules = ("--filters.rules", "basic,profanity,url", "--filters.profanity.lists", "en,words.txt")
    command = ("clean", "raw.jsonl", "--output", "out", *rules)
    assert lmkit(*command, "--filters.url.domains", "domains.txt")[0] == 0
    assert [record["id"] for record in records(Path("out"))] == ["good"]
    decided = [record["decided"] for record in records(Path("out"), "rejected")]
    assert decided == ["url.listed_domains 1 > 0", "profanity.entries 1 > 0"]
    # A list that has changed is a changed input; one that is missing is refused.
    Path("words.txt").write_text("quux\nfrob\n")
    code, _, err = lmkit(*command, "--filters.url.domains", "domains.txt")
    assert code == 2 and "input words.txt has changed" in err
    code, _, err = lmkit(*command, "--filters.url.domains", "domain.txt", "--overwrite")
    assert code == 2 and "--filters.url.domains: domain.txt: cannot be read" in err
    assert lmkit(*command)[0] == 2  # url, and no list


def write_lines(path: Path, texts: list[str]) -> None:
    lines = (
        json.dumps({"id": str(n), "text": text, "source": f"part {n % 3}"})
        for n, text in enumerate(texts)
    )
    path.write_text("".join(line + "\n" for line in lines) + "{\n")


def test_the_summary_counts_by_rule_source_and_language_and_shows_examples(
    here: Path, lmkit: Lmkit
) -> None:
    write_lines(Path("a.jsonl"), [*prose(6), "tiny", "12 34 56 78 90 12 34 56 78 90 12 34 56 78"])
    exit_code, _, err = lmkit("clean", "a.jsonl", "--output", "out", "--max-quarantined", "1")
    assert exit_code == 0
    details = manifest(Path("out"))["details"]
    assert details["by_rule"] == [
        {"rule": "too_few_letters", "documents": 1, "share": 0.111111},
        {"rule": "too_short", "documents": 1, "share": 0.111111},
    ]
    rows = {row["source"]: row for row in details["by_source"]}
    assert {name: (row["in"], row["out"]) for name, row in rows.items()} == {
        "part 0": (3, 2),
        "part 1": (3, 2),
        "part 2": (2, 2),
        "a.jsonl": (1, 0),  # records that can't be read have the file's source
    }
    assert rows["part 0"]["dropped"] == {"too_short": 1}
    assert rows["a.jsonl"]["quarantined"] == 1
    assert [row["in"] for row in details["by_language"]] == [9]
    example = details["dropped_examples"][1]
    assert (example["id"], example["decided"], example["text"]) == ("6", "too_short 4 < 25", "tiny")
    assert "too_short" in err and "part 2" in err
    shown = json.loads(lmkit("inspect", "out", "--json")[1])
    assert shown["dropped_examples"] == details["dropped_examples"]


def test_a_sample_is_judged_as_all_documents_and_writes_no_documents(here: Path) -> None:
    write_lines(Path("a.jsonl"), [*prose(40), *("tiny " * (n % 4) for n in range(40))])
    common = {"inputs": ["a.jsonl"], "max_quarantined": 1, "keep_rejected": "none"}

    def made(output: str, **more: Any) -> Manifest:
        return clean(CleanConfig.model_validate({**common, "output": output, **more}))

    whole, all_of_it = made("whole"), made("all", sample=1000)
    assert all_of_it.counts == whole.counts
    some, other = made("some", sample=20), made("other", sample=20, shard_bytes=1000, workers=2)
    assert (some.counts, some.details) == (other.counts, other.details)
    assert contents(Path("some")) == contents(Path("other"))
    assert some.counts.documents_in == 81 and some.counts.dropped["not_in_sample"] == 60
    assert {output.name.split("-")[0] for output in some.outputs} == {"signals", "quarantine"}
    every = {
        row["id"]: row for row in read_signals([Path("whole/signals-00000.parquet")]).to_pylist()
    }
    rows = read_signals([Path("some/signals-00000.parquet")]).to_pylist()
    assert len(rows) == 20 and all(row == every[row["id"]] for row in rows)


def test_the_output_names_the_sample(here: Path, lmkit: Lmkit) -> None:
    write_lines(Path("a.jsonl"), prose(30))
    _, out, _ = lmkit("clean", "a.jsonl", "--output", "out", "--sample", "10")
    assert out == "out: would keep 10 of 10 documents, a sample of 31\n"
    exit_code, _, err = lmkit("dedup", "out", "--output", "next")
    assert exit_code == 2 and "holds no documents" in err


def test_what_was_read_is_counted_by_format_and_what_was_skipped_by_ending(
    here: Path, lmkit: Lmkit
) -> None:
    raw = here / "raw"
    raw.mkdir()
    write_lines(raw / "a.jsonl", prose(4))
    for name in ("b.txt", "c.md", "d.html", "e.png", "f.xyz", "g.xyz"):
        (raw / name).write_text(f"<p>{prose(1)[0]}</p>")
    command = ("clean", "raw", "--output", "out", "--max-quarantined", "1")
    exit_code, _, err = lmkit(*command, "--filters.min-characters", "1")
    assert exit_code == 0
    details = manifest(Path("out"))["details"]
    assert details["by_format"] == [
        {"format": "jsonl", "files": 1, "documents": 4},
        {"format": "text", "files": 2, "documents": 2},
        {"format": "html", "files": 1, "documents": 1},
    ]
    assert details["skipped_files"] == {".png": 1, ".xyz": 2}
    assert "by format" in err and "html" in err
    shown = json.loads(lmkit("inspect", "out", "--json")[1])
    assert shown["by_format"] == details["by_format"]
    assert shown["skipped_files"] == details["skipped_files"]
    # A folder of an earlier version has neither.
    for key in ("by_format", "skipped_files"):
        del details[key]
    record = manifest(Path("out")) | {"details": details}
    Path("out/manifest.json").write_text(json.dumps(record))
    exit_code, out, _ = lmkit("inspect", "out", "--json")
    assert exit_code == 0 and not json.loads(out)["skipped_files"]
