import json
import random
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit.commands.dedup.options import DedupConfig
from lmkit.commands.dedup.run import dedup
from lmkit.deduplication.options import MinHashConfig, RepeatsConfig
from lmkit.text.digests import normal_form
from tests.commands.dying import run_to_end, run_until_killed
from tests.conftest import Lmkit, contents, manifest, prose, records

Documents = list[tuple[str, str, str]]
"""Source, id and text."""
ALONE = MinHashConfig(action=None)
WORDS = st.sampled_from(["a", "b", "A", "c.", "d", "\n", "\n\n", "  "])
TEXTS = st.lists(WORDS, max_size=25).map(" ".join)
CORPORA = st.lists(TEXTS, min_size=1, max_size=6)


def write(path: Path, documents: Documents) -> Path:
    names = ("source", "id", "text")
    lines = (json.dumps(dict(zip(names, values, strict=True))) for values in documents)
    path.write_text("\n".join(lines))
    return path


def kept_documents(documents: Documents) -> Documents:
    """The documents that are kept, in order of precedence."""
    first: dict[str, tuple[str, str, str]] = {}
    for document in sorted(documents):
        first.setdefault(normal_form(document[2]), document)
    return sorted(first.values())


def by_suffix_array(documents: Documents, size: int) -> dict[str, list[str]]:
    """The words that are kept, by the sorted list of all suffixes."""
    words: list[str] = []
    owner: list[int] = []
    for number, (_, _, text) in enumerate(documents):
        words += [*text.split(), f"end {number}"]  # no passage crosses an end
        owner += [number] * (len(text.split()) + 1)
    plain = [normal_form(word) if not word.startswith("end ") else word for word in words]
    suffixes = sorted(range(len(plain)), key=lambda position: plain[position:])
    removed = set[int]()
    group: list[int] = suffixes[:1]
    for one, other in [*pairwise(suffixes), (-1, -1)]:
        if one >= 0 and plain[one : one + size] == plain[other : other + size]:
            group.append(other)
            continue
        first = min(group)
        for position in group:
            run = range(position, position + size)
            whole = position + size <= len(plain) and owner[position] == owner[position + size - 1]
            apart = owner[position] != owner[first] or position - first >= size
            if whole and apart and not any(plain[n].startswith("end ") for n in run):
                removed |= set(run)
        group = [other]
    kept: dict[str, list[str]] = {key: [] for _, key, _ in documents}
    for position, word in enumerate(words):
        if position not in removed and not word.startswith("end "):
            kept[documents[owner[position]][1]].append(word)
    return kept


def by_earlier_lines(documents: Documents, minimum: int) -> dict[str, list[str]]:
    """The lines that are kept, without blank lines."""
    earlier = set[str]()
    kept: dict[str, list[str]] = {}
    for _, key, text in documents:
        kept[key] = []
        for line in filter(str.strip, text.split("\n")):
            if len(line.split()) < minimum or normal_form(line) not in earlier:
                kept[key].append(" ".join(line.split()))
            if len(line.split()) >= minimum:
                earlier.add(normal_form(line))
    return kept


def by_earlier_paragraphs(documents: Documents, minimum: int) -> dict[str, list[str]]:
    earlier = set[str]()
    kept: dict[str, list[str]] = {}
    for _, key, text in documents:
        kept[key] = []
        paragraphs: list[list[str]] = [[]]
        for line in text.split("\n"):
            paragraphs[-1].extend(line.split())
            if not line.strip():
                paragraphs.append([])
        for paragraph in filter(None, paragraphs):
            plain = normal_form(" ".join(paragraph))
            if len(paragraph) < minimum or plain not in earlier:
                kept[key] += paragraph
            if len(paragraph) >= minimum:
                earlier.add(plain)
    return kept


def run(
    texts: Sequence[str], repeats: RepeatsConfig, seed: int, cut: int
) -> tuple[Documents, dict[str, str]]:
    """Return the documents that aren't duplicates, and the texts of the output, by id."""
    chance = random.Random(seed)
    documents = [(chance.choice("xyz"), f"{n}", text) for n, text in enumerate(texts)]
    shuffled = chance.sample(documents, len(documents))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [write(folder / f"{n}.jsonl", shuffled[n::3]) for n in range(3) if shuffled[n::3]]
        config = {"minhash": ALONE, "repeats": repeats, "shard_bytes": cut, "workers": 1}
        dedup(DedupConfig(inputs=tuple(files), output=folder / "out", **config))
        out = {record["id"]: record["text"] for record in records(folder / "out")}
    return kept_documents(documents), out


@settings(max_examples=30)
@given(texts=CORPORA, size=st.integers(1, 5), seed=st.integers(0, 99), cut=st.integers(1, 300))
def test_kept_passages_are_those_of_a_suffix_array(
    texts: list[str], size: int, seed: int, cut: int
) -> None:
    documents, out = run(texts, RepeatsConfig(passages=size), seed, cut)
    expected = by_suffix_array(documents, size)
    whole = {key: text for _, key, text in documents}
    for key, words in expected.items():
        assert out.get(key, "").split() == words
        if words == whole[key].split() and words:
            assert out[key] == whole[key]  # what isn't cut is unchanged
    assert sorted(out) == sorted(
        key for key, words in expected.items() if words or not whole[key].split()
    )


@settings(max_examples=20)
@given(texts=CORPORA, minimum=st.integers(1, 4), seed=st.integers(0, 99), cut=st.integers(1, 300))
def test_kept_lines_are_those_that_did_not_occur_before(
    texts: list[str], minimum: int, seed: int, cut: int
) -> None:
    documents, out = run(texts, RepeatsConfig(lines=minimum), seed, cut)
    for key, lines in by_earlier_lines(documents, minimum).items():
        left = out.get(key, "").split("\n")
        assert [" ".join(line.split()) for line in left if line.strip()] == lines


@settings(max_examples=20)
@given(texts=CORPORA, minimum=st.integers(1, 4), seed=st.integers(0, 99), cut=st.integers(1, 300))
def test_kept_paragraphs_are_those_that_did_not_occur_before(
    texts: list[str], minimum: int, seed: int, cut: int
) -> None:
    documents, out = run(texts, RepeatsConfig(paragraphs=minimum), seed, cut)
    for key, words in by_earlier_paragraphs(documents, minimum).items():
        assert out.get(key, "").split() == words


@settings(max_examples=15)
@given(texts=CORPORA, words=st.integers(1, 4), seed=st.integers(0, 99))
def test_all_three_together_lose_no_passage_of_words(
    texts: list[str], words: int, seed: int
) -> None:
    repeats = RepeatsConfig(lines=words, paragraphs=words, passages=words)
    documents, out = run(texts, repeats, seed, 100)
    left = {normal_form(word) for text in out.values() for word in text.split()}
    assert left == {normal_form(word) for _, _, text in documents for word in text.split()}


def corpus() -> Documents:
    """Real text with a notice in every document, a passage in some, and repeated paragraphs."""
    notice = "Copying is allowed as long as this notice is left whole."
    texts = prose(40, 120)
    passage = " ".join(prose(1, 60)[0].split()[:55])
    documents: Documents = []
    for number, text in enumerate(texts[2:]):
        middle = passage.upper() if number % 5 == 0 else ""
        half = text.split()
        parts = [" ".join(half[:60]), middle, " ".join(half[60:])]
        body = "\n".join(filter(None, parts)) if number % 2 else " ".join(filter(None, parts))
        extra = f"\n\n{texts[0]}\n\n" if number % 7 == 0 else "\n"
        documents.append((f"s{number % 3}", f"{number:02d}", f"{notice}\n{body}{extra}{notice}\n"))
    return documents


INSIDE = RepeatsConfig(lines=6, paragraphs=20, passages=50)


def test_order_tasks_and_workers_change_nothing(here: Path) -> None:
    results: list[list[tuple[str, str, str]]] = []
    cuts: list[list[str]] = []
    documents = corpus()
    for seed, shard_bytes, workers in ((1, 1 << 26, 1), (2, 900, 2), (3, 5_000, 2)):
        shuffled = random.Random(seed).sample(documents, len(documents))
        files = [write(Path(f"{seed}-{n}.jsonl"), shuffled[n::4]) for n in range(4)]
        config = {"repeats": INSIDE, "shard_bytes": shard_bytes, "workers": workers}
        dedup(DedupConfig(inputs=tuple(files), output=Path(f"out{seed}"), **config))
        out = records(Path(f"out{seed}"))
        results.append(sorted((r["source"], r["id"], r["text"]) for r in out))
        cuts.append(sorted(json.dumps(r) for r in records(Path(f"out{seed}"), "cuts")))
    assert results[0] == results[1] == results[2]
    assert cuts[0] == cuts[1] == cuts[2]
    joined = "\n".join(text for _, _, text in results[0])
    assert joined.count("Copying is allowed") == 1
    assert results[0][0][2].startswith("Copying is allowed")  # of the smallest source and id


def test_every_cut_says_what_is_gone_and_where_it_still_stands(here: Path) -> None:
    documents = corpus()
    dedup(
        DedupConfig(inputs=(write(Path("a.jsonl"), documents),), output=Path("out"), repeats=INSIDE)
    )
    before = {key: text for _, key, text in documents}
    after = {record["id"]: record["text"] for record in records(Path("out"))}
    cuts = records(Path("out"), "cuts")
    assert {record["reason"] for record in cuts} == {"line", "paragraph", "passage"}
    for record in cuts:
        assert before[record["id"]][record["start"] : record["stop"]] == record["text"]
        assert normal_form(record["text"]) in normal_form(before[record["kept"]["id"]])
    for key, text in before.items():
        removed = {n for r in cuts if r["id"] == key for n in range(r["start"], r["stop"])}
        rest = "".join(" " if n in removed else character for n, character in enumerate(text))
        assert after.get(key, "").split() == rest.split()
    counts = manifest(Path("out"))["counts"]["more"]
    assert counts["lines_cut"] + counts["paragraphs_cut"] + counts["passages_cut"] == len(cuts)
    assert counts["documents_cut"] == len({record["id"] for record in cuts})


def test_only_kept_documents_have_first_occurrences(here: Path) -> None:
    """The smallest is removed as a copy; so its passage must be kept in the next one."""
    words = prose(3, 60)
    documents = [
        ("a", "0", words[0]),
        ("b", "1", words[0].upper()),
        ("b", "2", f"{words[1]} {words[0]}"),
        ("c", "3", f"{words[0]} {words[2]}"),
    ]
    keep = {"rule": "longest", "sources": ("b",)}
    path = write(Path("a.jsonl"), documents)
    config = DedupConfig.model_validate(
        {
            "inputs": [path],
            "output": "out",
            "minhash": ALONE,
            "keep": keep,
            "repeats": {"passages": 50},
        }
    )
    dedup(config)
    out = {record["id"]: record["text"] for record in records(Path("out"))}
    assert out == {"2": documents[2][2], "3": words[2]}  # of source b, the longest ranks first
    assert manifest(Path("out"))["counts"]["dropped"] == {"exact_duplicate": 1, "nothing_left": 1}


def test_the_same_words_over_and_over_keep_as_many_as_a_passage_has(here: Path) -> None:
    path = write(Path("a.jsonl"), [("s", "1", "ha " * 1_000 + "\nend.")])
    dedup(DedupConfig(inputs=(path,), output=Path("out"), repeats=RepeatsConfig(passages=50)))
    (record,) = records(Path("out"))
    assert record["text"].split() == ["ha"] * 50 + ["end."]


def test_killed_in_each_step_it_ends_with_the_same_bytes(here: Path) -> None:
    write(Path("a.jsonl"), corpus()[::2])
    write(Path("b.jsonl"), corpus()[1::2])
    words = prose(3, 30)[2]
    Path("eval").mkdir()
    Path("eval/t.jsonl").write_text(json.dumps({"text": words}) + "\n")
    options = [
        "--workers",
        "1",
        "--shard-bytes",
        "4000",
        "--url",
        "drop",
        "--decontamination.against",
        "eval",
    ]
    options += [
        "--decontamination.action",
        "cut",
        "--repeats.lines",
        "6",
        "--repeats.passages",
        "50",
    ]
    command = ["dedup", "a.jsonl", "b.jsonl", *options, "--output"]
    run_to_end(*command, "whole")
    steps = ["items-0", "notes-1", "contaminated-0", "url-0", "ranks-0", "passages-found-0"]
    for step in [*steps, "documents-1"]:
        name, _, number = step.rpartition("-")
        run_until_killed(name, int(number), *command, "killed")
        assert not Path("killed/manifest.json").exists()
    run_to_end(*command, "killed")
    assert contents(Path("killed")) == contents(Path("whole"))
    assert manifest(Path("killed"))["details"] == manifest(Path("whole"))["details"]
    assert {path.name[:4] for path in Path("whole").iterdir()} >= {"cuts", "docu", "cont"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--repeats.lines", "0"], "--repeats.lines: got 0, must be at least 1"),
        (["--repeats.passage", "50"], "--repeats.passages"),
        (["--repeats.lines", "many"], "--repeats.lines: got many, must be a whole number"),
    ],
)
def test_a_wrong_length_is_named(here: Path, lmkit: Lmkit, flags: list[str], message: str) -> None:
    write(Path("a.jsonl"), [("s", "1", "text")])
    exit_code, _, err = lmkit("dedup", "a.jsonl", "--output", "out", *flags)
    assert exit_code == 2 and message in err
    assert not Path("out").exists()
