import json
import zipfile
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import pytest
from transformers import AutoTokenizer

from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
from lmkit.commands.train_tokenizer.run import train_tokenizer
from tests.conftest import Lmkit, contents, manifest, prose, records
from tests.tokenizers.made import ALGORITHMS, EXACT

SMALL = ("--vocab-size", "700", "--output", "tokenizer")


@pytest.fixture
def documents(here: Path) -> Path:
    """Some real documents as plain lines."""
    lines = [json.dumps({"id": name, "text": topics[name]}) for name in sorted(topics)[:12]]
    Path("topics.jsonl").write_text("\n".join(lines) + "\n")
    return Path("topics.jsonl")


def test_the_folder_loads_with_transformers_and_restores_texts(
    documents: Path, lmkit: Lmkit
) -> None:
    exit_code, out, _ = lmkit("train-tokenizer", documents, *SMALL)
    assert exit_code == 0
    assert out.startswith("tokenizer: bpe tokenizer of 700 tokens from 12 documents, ")
    peer = AutoTokenizer.from_pretrained("tokenizer")
    assert len(peer) == 700
    assert (peer.pad_token, peer.bos_token, peer.eos_token) == ("<pad>", "<s>", "</s>")
    for text in [*list(topics.values())[:3], "naïve 猫 \u00a0 x"]:
        ids = peer(text)["input_ids"]
        assert (ids[0], ids[-1]) == (peer.bos_token_id, peer.eos_token_id)
        assert peer.decode(ids, skip_special_tokens=True) == text


def test_the_same_input_gives_the_same_bytes(documents: Path) -> None:
    for name in ("one", "two"):
        values = {"inputs": [documents], "output": name, "vocab_size": 700}
        train_tokenizer(TrainTokenizerConfig.model_validate(values))
    assert contents(Path("one")) == contents(Path("two"))
    assert set(contents(Path("one"))) == {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "report.json",
    }


def test_a_vocabulary_that_is_too_small_is_refused_before_anything_is_written(
    documents: Path, lmkit: Lmkit
) -> None:
    typed = ("--vocab-size", "12", "--output", "tokenizer")
    exit_code, out, err = lmkit("train-tokenizer", documents, *typed)
    assert (exit_code, out) == (2, "") and not Path("tokenizer").exists()
    message = "--vocab-size: got 12, must be at least 522: 256 bytes and 266 special tokens"
    assert err.splitlines()[0] == f"Error: {message}"


def test_a_text_that_yields_fewer_tokens_is_a_warning(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text(json.dumps({"text": "aa " * 50}))
    _, _, err = lmkit("train-tokenizer", "a.jsonl", "--output", "tokenizer")
    size = manifest(Path("tokenizer"))["details"]["vocabulary_size"]
    assert 522 <= size < 600
    assert f"the text yields {size} tokens, fewer than --vocab-size 32,768" in err


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_writes_a_folder(documents: Path, lmkit: Lmkit, algorithm: str) -> None:
    exit_code, _, _ = lmkit("train-tokenizer", documents, *SMALL, "--algorithm", algorithm)
    assert exit_code == 0
    details = manifest(Path("tokenizer"))["details"]
    peer = AutoTokenizer.from_pretrained("tokenizer")
    assert (details["algorithm"], details["vocabulary_size"]) == (algorithm, len(peer))
    assert len(peer) <= 700


def test_lines_that_cannot_be_read_are_counted_and_kept(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text(json.dumps({"text": "some text"}) + "\n{broken\n")
    lmkit("train-tokenizer", "a.jsonl", *SMALL)
    counts = manifest(Path("tokenizer"))["counts"]
    assert (counts["documents_in"], counts["documents_out"], counts["quarantined"]) == (2, 1, 1)
    assert len(records(Path("tokenizer"), "quarantine")) == 1


def test_documents_without_any_text_are_refused_and_nothing_is_written(
    here: Path, lmkit: Lmkit
) -> None:
    Path("a.jsonl").write_text(json.dumps({"text": ""}))
    exit_code, _, err = lmkit("train-tokenizer", "a.jsonl", *SMALL)
    assert exit_code == 2 and "INPUTS: hold no text" in err
    assert not (Path("tokenizer").exists() and list(Path("tokenizer").iterdir()))


def test_sentinels_can_be_left_out(documents: Path, lmkit: Lmkit) -> None:
    lmkit("train-tokenizer", documents, *SMALL, "--sentinels", "0")
    assert "<extra_id_0>" not in AutoTokenizer.from_pretrained("tokenizer").get_vocab()


def write(name: str, source: str, texts: list[str]) -> Path:
    lines = [json.dumps({"id": str(n), "text": t, "source": source}) for n, t in enumerate(texts)]
    Path(name).write_text("\n".join(lines) + "\n")
    return Path(name)


def report(folder: str = "tokenizer") -> list[dict[str, Any]]:
    return json.loads(Path(folder, "report.json").read_text())


def test_a_sample_is_even_by_source(here: Path, lmkit: Lmkit) -> None:
    big = write("big.jsonl", "big", [f"{text} b" for text in prose(300, words=400)])
    small = write("small.jsonl", "small", [f"{text} s" for text in prose(60, words=400)])
    typed = ("--algorithm", "byte", "--sample-bytes", "200000", "--output", "tokenizer")
    assert lmkit("train-tokenizer", big, small, *typed)[0] == 0
    found = {row["source"]: row["bytes"] for row in report()}
    # A document is about 2,600 bytes; none is sampled that would exceed a source's allocation.
    for source in ("big", "small"):
        assert 100_000 - 8 * 2_600 < found[source] <= 100_000
    counts = manifest(Path("tokenizer"))["counts"]
    assert counts["documents_in"] == 360
    assert counts["documents_in"] == counts["documents_out"] + counts["dropped"]["not_drawn"]
    assert counts["more"]["bytes_of_text"] == found["all"]


def test_neither_the_order_of_files_nor_their_division_nor_workers_change_the_bytes(
    here: Path, lmkit: Lmkit
) -> None:
    lines = [
        json.dumps({"id": str(n), "text": text, "source": "web"})
        for n, text in enumerate(prose(200, words=300))
    ]
    Path("one").mkdir()
    Path("one", "a.jsonl").write_text("\n".join(lines))
    Path("two").mkdir()
    Path("two", "z.jsonl").write_text("\n".join(lines[:50]))
    Path("two", "a.jsonl").write_text("\n".join(reversed(lines[50:])))
    typed = ("--vocab-size", "700", "--sample-bytes", "150000", "--algorithm")
    for algorithm in ALGORITHMS:
        for folder, workers in (("one", "1"), ("two", "2")):
            output = f"{algorithm}-{folder}"
            command = (folder, *typed, algorithm, "--output", output, "--workers", workers)
            assert lmkit("train-tokenizer", *command)[0] == 0
        one, two = (contents(Path(f"{algorithm}-{folder}")) for folder in ("one", "two"))
        assert one == two, algorithm


def test_the_report_counts_round_trips_and_unknown_tokens(here: Path, lmkit: Lmkit) -> None:
    # Numbers that occur once: the vocabulary is too small for them.
    path = write("a.jsonl", "a", ["the cat sat on the mat " * 20 + str(n) for n in range(100)])
    typed = ("--algorithm", "word", "--vocab-size", "272", "--output", "tokenizer")
    _, _, err = lmkit("train-tokenizer", path, *typed)
    (row,) = report()
    # In each document 120 words are known; the number is a 121st, and one of them is known too.
    assert row["unknown_share"] == pytest.approx(99 / (100 * 121), abs=1e-6)
    assert row["come_back"] == 0.01
    assert "0.82% of the tokens are unknown words" in err


def test_another_tokenizer_is_compared_in_the_report(documents: Path, lmkit: Lmkit) -> None:
    lmkit("train-tokenizer", documents, "--algorithm", "byte", "--output", "bytes")
    exit_code, out, _ = lmkit("train-tokenizer", documents, *SMALL, "--compare", "bytes")
    assert exit_code == 0 and "bytes" in out and "this" in out
    own, other = report()
    assert (own["tokenizer"], other["tokenizer"]) == ("this", "bytes")
    assert own["bytes"] == other["bytes"] == other["tokens"] > own["tokens"]
    exit_code, _, err = lmkit(
        "train-tokenizer", documents, *SMALL, "--compare", "bytes/tokenizer.json"
    )
    assert exit_code == 0 and "up to date" in err
    other_one = ("--algorithm", "character", "--output", "characters")
    lmkit("train-tokenizer", documents, *other_one)
    exit_code, _, err = lmkit("train-tokenizer", documents, *SMALL, "--compare", "characters")
    assert exit_code == 2 and "has changed" in err


def test_a_tokenizer_is_imported_with_or_without_documents(documents: Path, lmkit: Lmkit) -> None:
    lmkit("train-tokenizer", documents, *SMALL)
    exit_code, out, _ = lmkit("train-tokenizer", "--from", "tokenizer", "--output", "again")
    assert exit_code == 0 and "bpe tokenizer of 700 tokens, imported from tokenizer" in out
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        assert Path("again", name).read_bytes() == Path("tokenizer", name).read_bytes()
    assert report("again") == []
    lmkit("train-tokenizer", documents, "--from", "tokenizer", "--output", "measured")
    assert report("measured") == report()
    recorded = manifest(Path("measured"))["config"]
    assert recorded["from"] == "tokenizer"
    command = ("train-tokenizer", "--config", "measured/manifest.json", "--output", "measured")
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0 and "up to date" in err


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("--pre-tokenizer", "metaspace"), "supports gpt4, gpt2"),
        (("--algorithm", "byte", "--digits", "single"), "doesn't use words"),
        (("--algorithm", "bpee"), "--algorithm: got bpee, must be"),
        (("--sample-bytes", "5"), "--sample-bytes: got 5, must be at least 100000"),
        (("--sample-bytes", "2147483648"), "must be less than 2147483648"),
        (("--add-missing",), "--from is missing"),
        (("--from", "nowhere"), "--from: nowhere: no such file or folder"),
        (("--compare", "nowhere"), "--compare: nowhere: no such file or folder"),
        (("--from", "topics.jsonl"), "topics.jsonl: not a tokenizer"),
        (
            ("--from", "topics.jsonl", "--vocab-size", "600"),
            "--vocab-size: not allowed with --from",
        ),
        (("--normalize.unicode", "nfd"), "--normalize.unicode: got nfd, must be"),
    ],
)
def test_invalid_options_are_refused_before_anything_is_written(
    documents: Path, lmkit: Lmkit, typed: tuple[str, ...], message: str
) -> None:
    exit_code, out, err = lmkit("train-tokenizer", documents, "--output", "tokenizer", *typed)
    assert (exit_code, out) == (2, "") and message in err
    assert not Path("tokenizer").exists()


def test_a_normalized_text_decodes_to_the_normalized_text(here: Path, lmkit: Lmkit) -> None:
    path = write("a.jsonl", "a", ["Ça VA \ufb01n " * 50])
    form = ("--normalize.unicode", "nfkc", "--normalize.lowercase", "--normalize.strip-accents")
    for algorithm in ALGORITHMS:
        typed = (*SMALL[:2], "--algorithm", algorithm, "--output", algorithm)
        assert lmkit("train-tokenizer", path, *form, *typed)[0] == 0
        peer = AutoTokenizer.from_pretrained(algorithm)
        ids = peer("ÇA va", add_special_tokens=False)["input_ids"]
        assert peer.decode(ids) == "ca va"
        assert report(algorithm)[0]["come_back"] == 1.0


def test_the_declaration_of_human_rights_survives_the_round_trip_in_every_language(
    corpora: Path, here: Path, lmkit: Lmkit
) -> None:
    archive = zipfile.ZipFile(corpora / "language" / "udhr2.zip")
    names = [name for name in archive.namelist() if name.endswith(".txt")]
    texts = [archive.read(name).decode("utf-8")[:3_000] for name in sorted(names)]
    texts = [text for text in texts if text]  # one file is empty
    path = write("a.jsonl", "udhr", texts)
    for algorithm in EXACT:
        typed = ("--vocab-size", "4000", "--algorithm", algorithm, "--output", algorithm)
        assert lmkit("train-tokenizer", path, *typed)[0] == 0
        (row,) = report(algorithm)
        assert (row["texts"], row["come_back"]) == (len(texts), 1.0)


def test_many_sources_make_a_short_report_and_a_lone_surrogate_in_a_name_is_accepted(
    here: Path, lmkit: Lmkit
) -> None:
    lines = [
        json.dumps({"id": str(n), "text": f"text {n} " * 9, "source": f"s{n}"}) for n in range(70)
    ]
    lines.append('{"id": "x", "text": "some text", "source": "\\ud800"}')
    Path("a.jsonl").write_text("\n".join(lines))
    assert lmkit("train-tokenizer", "a.jsonl", *SMALL)[0] == 0
    together, *by_source = report()
    assert (together["source"], together["texts"], len(by_source)) == ("all", 71, 50)
    assert sum(row["texts"] for row in by_source) == 71


def test_it_says_why_documents_cannot_be_read(here: Path, lmkit: Lmkit) -> None:
    Path("a.jsonl").write_text('{"id": "1", "content": "a text"}\n')
    exit_code, _, err = lmkit("train-tokenizer", "a.jsonl", "--output", "tok")
    assert exit_code == 2 and "INPUTS: hold no text" in err
    assert "a.jsonl: no field 'text'" in err and not Path("tok").exists()
