"""What is hashed, and what is drawn from the hashes, stays as it is whatever is moved or renamed.

Ids of documents, held-out documents, samples, orders and masks follow from hashes of these inputs:
a change of one of them gives other data to whoever runs the same command again. Each value stands
here as a literal, and comes from a second implementation, in plain Python integers, below.

What has no function of its own is compared by tests/benchmarks/snapshot.py: the seeds of dropout
and of `generate`, both draw(seed, ...).
"""

import json
from collections.abc import Callable
from fractions import Fraction
from hashlib import blake2b, sha256
from math import exp
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lmkit.artifacts.documents_file import Document, Rejected
from lmkit.artifacts.inputs import find_documents
from lmkit.commands.clean.run import _keeps
from lmkit.counter_rng import draw, row_keys, uniform
from lmkit.deduplication.minhash import Bands
from lmkit.deduplication.shingles import shingles
from lmkit.evaluation.documents import _row_keys
from lmkit.filters.document_sample import key_of
from lmkit.filters.outcome_counts import digest as order_of_names
from lmkit.objectives.clm.fill_in_the_middle import Marks as FimTokens
from lmkit.objectives.clm.fill_in_the_middle import fill_in_the_middle
from lmkit.objectives.mlm.objective import mlm
from lmkit.objectives.plm.objective import plm
from lmkit.objectives.span_corruption.masked_spans import Marks as SpanTokens
from lmkit.objectives.span_corruption.masked_spans import span_corruption
from lmkit.packing.holdout import cluster_of, holdout_group, is_held_out
from lmkit.packing.nanogpt_bin import read_tokens
from lmkit.packing.token_rows import NO_TARGET, SequenceBatch, TokenSequences
from lmkit.pii.replacement import pseudonym
from lmkit.readers.provenance import document_id
from lmkit.text.digests import digest, document_key, normal_form, text_key
from lmkit.text.text_units import Units, WordKeys
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.training_sample import keyed_pieces
from lmkit.tokenizers.word_boundaries import WordBoundaries
from lmkit.training.data.batch_sizes import BatchRange
from lmkit.training.data.mixed_rows import MixedRows
from lmkit.training.data.sequence_order import rows_at
from tests.tokenizers.made import train

# A second implementation, number after number.

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mixed(bits: int) -> int:
    """The finalizer of SplitMix64 (Steele et al. 2014)."""
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & MASK
    return bits ^ (bits >> 31)


def drawn(seed: int, *keys: int) -> int:
    bits = seed & MASK
    for key in keys:
        bits = mixed((bits + (key + 1) * GOLDEN) & MASK)
    return mixed(bits)


def row_key(seed: int, step: int, row: int) -> int:
    return mixed((drawn(seed, step) + (row + 1) * GOLDEN) & MASK)


def number(key: int, stream: int, position: int) -> float:
    return (mixed((key + (stream * 2**32 + position + 1) * GOLDEN) & MASK) >> 11) / 2**53


def feistel(value: int, key: int, bits: int) -> int:
    low_bits, high_bits = (bits + 1) // 2, bits // 2
    low, high = value % 2**low_bits, value >> low_bits
    for count in range(1, 13):
        round_key = key + count * GOLDEN
        if count % 2:
            low ^= mixed((high * GOLDEN + round_key) & MASK) % 2**low_bits
        else:
            high ^= mixed((low * GOLDEN + round_key) & MASK) % 2**high_bits
    return high << low_bits | low


def row_at(seed: int, position: int, rows: int) -> int:
    epoch, value = divmod(position, rows)
    while True:
        value = feistel(value, drawn(seed, epoch), (rows - 1).bit_length())
        if value < rows:
            return value


def first_64_bits(data: bytes) -> int:
    return int(sha256(data).hexdigest()[:16], 16)


def smallest(values: list[float], count: int) -> set[int]:
    return set(sorted(range(len(values)), key=lambda at: values[at])[:count])


# Documents.


def test_the_id_of_a_document() -> None:
    plain = sha256(b"books\0a/b.txt\x0012\0A text.").hexdigest()[:32]
    assert plain == "d30560a827393c578195fbe6dc32da7b"
    assert document_id("books", "a/b.txt", 12, None, "A text.") == plain
    compressed = sha256(b"books\0a/b.txt\x0012:3\0A text.").hexdigest()[:32]
    assert compressed == "5063ee7052c160364dc2ef3475bc3735"
    assert document_id("books", "a/b.txt", 12, 3, "A text.") == compressed
    surrogate = sha256(b"s\0o\x000\0\xed\xa0\x80").hexdigest()[:32]
    assert surrogate == "383b7335ac99022f25408249b9feab71"
    assert document_id("s", "o", 0, None, "\ud800") == surrogate


def test_the_id_of_a_document_of_a_token_file(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(np.array([7, 8, 3, 5, 6, 3], np.uint16).tobytes())
    found = find_documents([tmp_path / "a.bin"], formats=("nanogpt",), forced="nanogpt")
    (part,) = found.slices
    assert (part.source, part.origin) == ("a.bin", "a.bin")
    documents = list(read_tokens(part, [], separator=3, max_record=100))
    expected = [
        sha256(b"a.bin\0a.bin\x000\0\x07\0\x08\0").hexdigest()[:32],
        sha256(b"a.bin\0a.bin\x006\0\x05\0\x06\0").hexdigest()[:32],
    ]
    assert expected == ["c830a0fb298b322a28e14e2aa6adaf34", "4b906181c2938b976ba7a200309b7a99"]
    assert [document.id for document in documents] == expected  # type: ignore[union-attr]


def test_keys_of_documents_and_texts() -> None:
    assert document_key(0, "a") == first_64_bits(b"0:a") == 11381658363930578919
    assert document_key(7, "a") == first_64_bits(b"7:a") == 9428802777907886192
    assert text_key("A text.") == first_64_bits(b"A text.") == 4279621283428272842
    assert text_key("\ud800") == first_64_bits(b"\xed\xa0\x80") == 10495218615758184372


def test_what_is_held_out_together() -> None:
    assert holdout_group(0, "a", 5) == (11381658363930578919, 5)
    assert (
        holdout_group(0, "a", 5, "near")
        == (first_64_bits(b"0:near"), 0)
        == (3213338969424068959, 0)
    )
    assert holdout_group(0, "x", 5, cluster_of({"part": {"of": "a"}})) == (11381658363930578919, 0)
    assert holdout_group(0, "x", 5, cluster_of({"cluster": "a"})) == (11381658363930578919, 0)


def test_which_documents_are_held_out() -> None:
    expected = [n for n in range(60) if first_64_bits(f"0:{n}".encode()) < 0.1 * 2**64]
    assert expected == [15, 44, 46]
    held_out = [n for n in range(60) if is_held_out(document_key(0, str(n)), 0.1)]
    assert held_out == expected


def test_which_documents_are_in_a_sample() -> None:
    key = int(blake2b(b"books\0a\0A text.", digest_size=8).hexdigest(), 16)
    assert key == 13971781166480166511
    assert key_of(Document("a", "A text.", "books")) == key


def test_which_rejected_documents_are_kept_as_a_sample() -> None:
    expected = [n for n in range(400) if first_64_bits(str(n).encode()) % 100 == 0]
    assert expected == [225, 299]
    rejected = [Rejected(Document(str(n), "", ""), "empty") for n in range(400)]
    assert [n for n, each in enumerate(rejected) if _keeps("sample", each)] == expected


def test_which_names_a_long_list_keeps() -> None:
    assert order_of_names("abc") == int(blake2b(b"abc", digest_size=8).hexdigest(), 16)
    assert order_of_names("abc") == 15617099051652453721


def test_which_pieces_a_tokenizer_learns_from() -> None:
    text = "x" * 16_000 + "y"
    expected = [(first_64_bits(b"3:0:a"), text[:-1]), (first_64_bits(b"3:1:a"), "y")]
    assert [key for key, _ in expected] == [8499050669156570604, 5419456616717192059]
    assert list(keyed_pieces(3, "a", text)) == expected


def test_pseudonyms() -> None:
    letters = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
    email = blake2b(b"email jo@example.com", digest_size=6).hexdigest()
    phone = blake2b(b"phone 12125550187", digest_size=6).hexdigest()
    assert (email, phone) == ("ba7ae6f2a42a", "61c9f4ac9880")
    assert pseudonym("Jo@Example.com", "email") == f"[EMAIL {email.translate(letters)}]"
    assert pseudonym("+1 (212) 555-0187", "phone") == f"[PHONE {phone.translate(letters)}]"
    assert email.translate(letters) == "lkhkogpckeck"


def test_the_fingerprint_of_a_tokenizer() -> None:
    data = train(["a b"], "byte", 300, 0).to_str().encode()
    roles = {"pad": "<pad>", "begin": "<s>"}
    expected = sha256(data + b'[["begin", "<s>"], ["pad", "<pad>"]]').hexdigest()
    assert json.dumps(sorted(roles.items())) == '[["begin", "<s>"], ["pad", "<pad>"]]'
    assert Tokenizer(data, roles).fingerprint == expected


# Duplicates.


def test_digests_of_texts() -> None:
    expected = blake2b(b"the cat sat", digest_size=16).hexdigest()
    assert expected == "e6e0a7cd0f71ba0a05316cbe1c0bd696"
    assert digest(normal_form("The  cat\nSAT ")).hex() == expected


def test_numbers_of_words_lines_and_passages() -> None:
    a, b = (
        int.from_bytes(blake2b(word, digest_size=8).digest(), "little") for word in (b"a", b"b")
    )
    assert [a, b] == [3405396810240292928, 8453121595177857668]
    units = Units.of("A b\n\na", WordKeys())
    assert units.keys.tolist() == [a, b, a]
    line = mixed((a + b * GOLDEN & MASK) ^ 2)
    assert units.lines(2)[0].tolist() == [line] == [3780154097803567677]
    assert units.paragraphs(2)[0].tolist() == [line]
    pairs = [mixed((one * GOLDEN + two) & MASK) for one, two in ((a, b), (b, a))]
    assert units.passages(2).tolist() == pairs
    assert (
        units.passages(3).tolist()
        == [mixed((pairs[0] * GOLDEN + pairs[1]) & MASK)]
        == [2911385081393653163]
    )


def spread(bits: int) -> int:
    return mixed((bits + GOLDEN) & MASK)


def shingle(words: list[str]) -> int:
    base = 0xD1342543DE82EF95
    total = len(words)
    for at, word in enumerate(words):
        hashed = spread(sum(ord(c) * pow(base, n, 2**64) for n, c in enumerate(word)) & MASK)
        total += hashed * (spread(at) | 1)
    return spread(total & MASK) >> 32


def bands(found: list[int], count: int, rows: int) -> list[int]:
    numbers = [spread(n) >> 32 for n in range(2 * count * rows)]
    keys = []
    for band in range(count):
        key = 0
        for row in range(band * rows, (band + 1) * rows):
            factor, term = numbers[row] | 1, numbers[count * rows + row]
            key = spread(key ^ min((each * factor + term) % 2**32 for each in found))
        keys.append(key)
    return keys


def test_shingles() -> None:
    words = ["one", "two", "three", "four", "five", "six"]
    expected = sorted([shingle(words[:5]), shingle(words[1:])])
    assert expected == [571132558, 3793245057]
    assert shingles(["one, two, three, four, five. six"])[0].tolist() == expected
    assert shingles(["two words"])[0].tolist() == [shingle(["two", "words"])] == [4026009173]


def test_permutations_and_bands_of_minhash() -> None:
    found = [571132558, 3793245057]
    expected = bands(found, 2, 3)
    assert expected == [13983922714277186595, 4116328654229786782]
    keys = Bands(2, 3).keys(np.array(found, np.uint32), np.array([2]))
    assert keys[:, 0].tolist() == expected


# Random numbers, and the order of rows.


def test_draws() -> None:
    cases = {(0,): 0, (0, 1, 2): 17166181666573130602, (7, 3): 8182317742449161710}
    cases |= {(-1, 5): 16626771841808321063}
    for arguments, expected in cases.items():
        assert draw(*arguments) == drawn(*arguments) == expected


def test_keys_of_rows() -> None:
    expected = [9771507913574985307, 3534243657434133056, 15608624037093954736]
    assert [row_key(0, 1, row) for row in range(3)] == expected
    assert row_keys(0, 1, np.arange(3)).tolist() == expected
    assert row_keys(5, 12, np.array([10**9])).tolist() == [row_key(5, 12, 10**9)]
    assert row_key(5, 12, 10**9) == 10254825815329232925


def test_numbers_of_a_row() -> None:
    key = row_key(0, 1, 0)
    expected = {
        0: [0.7393681497231537, 0.1324147961363472, 0.3608195840117584],
        3: [0.25622287913917396, 0.8651548088256955, 0.06899790707963716],
    }
    for stream, values in expected.items():
        assert [number(key, stream, at) for at in (0, 1, 99)] == values
        assert uniform(row_keys(0, 1, np.arange(1)), stream, 100)[0, [0, 1, 99]].tolist() == values


def test_the_order_of_rows() -> None:
    expected = [6, 9, 1, 5, 7, 8, 4, 2, 3, 0, 7, 4, 0, 6, 8, 1, 3, 5, 9, 2]
    assert [row_at(0, position, 10) for position in range(20)] == expected
    assert rows_at(0, 0, 20, 10).tolist() == expected
    assert rows_at(0, 10, 5, 10).tolist() == expected[10:15]
    expected = [7, 759, 84, 199, 897, 526]
    assert [row_at(7, position, 1_000) for position in range(998, 1_004)] == expected
    assert rows_at(7, 998, 6, 1_000).tolist() == expected


def test_the_order_of_rows_of_a_mixture() -> None:
    expected = [[6, 1, 3, 11], [8, 9, 2, 4], [7, 0, 0, 10]]
    for step, batch in enumerate(expected, start=1):
        positions = range(2 * step - 2, 2 * step)
        rows = [row_at(drawn(3, 0, 0), position, 5) for position in positions]
        rows += [5 + row_at(drawn(3, 1, 0), position, 7) for position in positions]
        assert [rows[row_at(drawn(3, step, 1), position, 4)] for position in range(4)] == batch
    folders: Any = [range(5), range(7)]
    rows_of_both = MixedRows(folders, [Fraction(1, 2), Fraction(1, 2)])
    assert [
        rows_of_both.order(3, BatchRange(step, 4 * (step - 1), 4), 12).tolist()
        for step in (1, 2, 3)
    ] == expected


def test_keys_of_documents_that_are_scored() -> None:
    key = first_64_bits(b"0:a")
    expected = [row_key(0, 0, key) ^ row_key(0, 1, within) for within in (0, 1)]
    assert expected == [12364095203519998986, 2090073030698758161]
    group: Any = [SimpleNamespace(id="a")]
    assert _row_keys(group, np.array([0, 0])).tolist() == expected


# Objectives: ids up to 9 are special, text follows.

VOCABULARY = 100
KEY = row_key(0, 1, 0)
TEXT = list(range(20, 44))
IS_ORDINARY_V = np.arange(VOCABULARY) >= 10


def one_row(tokens: list[int], length: int) -> SequenceBatch:
    return TokenSequences.from_documents([(np.array(tokens), len(tokens))], length, 0).read(
        np.array([0])
    )


def ids(text: str) -> list[int]:
    return [int(each) for each in text.split()]


def numbers(stream: int, count: int) -> list[float]:
    return [number(KEY, stream, position) for position in range(count)]


def test_masks_of_mlm() -> None:
    chance, show, replace = (numbers(stream, 24) for stream in range(3))
    ordinary = range(10, VOCABULARY)
    shown, targets = [], []
    for at, token in enumerate(TEXT):
        chosen = chance[at] < 0.7
        other = ordinary[int(replace[at] * len(ordinary))]
        masked = 3 if show[at] < 0.8 else other if show[at] < 0.9 else token
        shown.append(masked if chosen else token)
        targets.append(token if chosen else NO_TARGET)
    assert shown == ids("20 3 3 23 3 25 3 3 3 3 30 3 3 82 34 3 3 3 38 39 3 3 42 43")
    batch = mlm(one_row(TEXT, 24), row_keys(0, 1, np.arange(1)), 3, IS_ORDINARY_V, 0.7)
    assert batch.tokens_BT[0].tolist() == shown
    assert batch.targets_BT[0].tolist() == targets


PSM = "1 4 20 21 22 23 24 25 26 27 28 6 40 41 42 43 5 29 30 31 32 33 34 35 36 37 38 39 2"
SPM = "1 4 6 40 41 42 43 5 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 2"


@pytest.mark.parametrize(("spm_rate", "expected"), [(0.98, PSM), (0.99, SPM)])
def test_cuts_of_fill_in_the_middle(spm_rate: float, expected: str) -> None:
    choose, form, *cuts = (number(row_key(0, 1, 1), stream, 0) for stream in range(4))
    first, second = sorted(int(cut * 25) for cut in cuts)
    prefix, middle, suffix = TEXT[:first], TEXT[first:second], TEXT[second:]
    if form < spm_rate:
        made = [1, 4, 6, *suffix, 5, *prefix, *middle, 2]
    else:
        made = [1, 4, *prefix, 6, *suffix, 5, *middle, 2]
    assert 0.35 < choose < 0.36 and made == ids(expected)
    special = FimTokens(4, 5, 6, 1, 2, 0)
    keys = row_keys(0, 1, np.array([1]))
    for rate, shown in ((0.36, made), (0.35, [1, *TEXT, 2])):
        found, _ = fill_in_the_middle(one_row([1, *TEXT, 2], 30), keys, special, rate, spm_rate)
        assert found.tokens_BT[0].tolist() == [*shown, *[0] * (30 - len(shown))]


def parts(items: list[int], count: int, stream: int) -> list[list[int]]:
    """Cut items into parts at the first one and at those with the smallest numbers."""
    first = smallest([-1.0, *numbers(stream, len(items))[1:]], count)
    found: list[list[int]] = []
    for at, item in enumerate(items):
        if at in first:
            found.append([])
        found[-1].append(item)
    return found


def spans_of_t5() -> tuple[list[int], list[int]]:
    sizes = [len(part) for part in parts(list(range(17)), 4, 0)]
    hidden_sizes = [len(part) for part in parts(list(range(7)), 4, 1)]
    source, target, at = [], [], 0
    for sentinel, (size, hidden) in enumerate(zip(sizes, hidden_sizes, strict=True), start=90):
        source += [*TEXT[at : at + size], sentinel]
        target += [sentinel, *TEXT[at + size : at + size + hidden]]
        at += size + hidden
    return [*source, 2], [*target, 2]


def spans_of_bart() -> tuple[list[int], list[int]]:
    odds, term = [], exp(-2.0)
    for count in range(1, 100):
        odds.append((odds[-1] if odds else 0) + term)
        term *= 2.0 / count
    lengths: list[int] = []
    for value in numbers(2, 7):
        if sum(lengths) < 7:
            lengths.append(min(sum(value >= odd for odd in odds), 7 - sum(lengths)))
    if sum(lengths) < 7:
        lengths[-1] += 7 - sum(lengths)
    items = 24 - 7 + len(lengths)
    spans = smallest(numbers(3, items), len(lengths))
    source, at = [], 0
    for item in range(items):
        if item in spans:
            source.append(3)
            at += lengths.pop(0)
        else:
            source.append(TEXT[at])
            at += 1
    return [*source, 2], [*TEXT, 2]


@pytest.mark.parametrize(
    ("style", "spans", "source", "target"),
    [
        (
            "t5",
            spans_of_t5,
            [20, 90, 23, 24, 25, 26, 27, 28, 29, 30, 91, 33, 34, 92, 36, 37, 38, 39, 40, 41, 93, 2],
            [90, 21, 22, 91, 31, 32, 92, 35, 93, 42, 43, 2],
        ),
        (
            "bart",
            spans_of_bart,
            [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 3, 37, 3, 39, 40, 41, 42, 43, 2],
            [*TEXT, 2],
        ),
    ],
)
def test_spans_that_are_corrupted(
    style: Any,
    spans: Callable[[], tuple[list[int], list[int]]],
    source: list[int],
    target: list[int],
) -> None:
    assert spans() == (source, target)
    special = SpanTokens(tuple(range(90, 99)), 3, (1, 2), 2, 0)
    rows, keys = one_row([1, *TEXT, 2], 30), row_keys(0, 1, np.arange(1))
    batch = span_corruption(rows, keys, special, 0.3, 2.0, style)
    found = batch.source_tokens_BS
    assert found is not None
    assert found[0, : len(source)].tolist() == source and not found[0, len(source) :].any()
    assert [token for token in batch.targets_BT[0].tolist() if token != NO_TARGET] == target


def test_spans_and_orders_of_plm() -> None:
    length_u, left_u, fill_u, order_u = (numbers(stream, 24) for stream in range(4))
    total = sum(1 / n for n in range(1, 6))
    odds = [sum(1 / n for n in range(1, last + 1)) / total for last in range(1, 5)]
    goal, here = (24 + 2) // 4, 0
    chosen: set[int] = set()
    left = goal
    while left > 0 and here < 24:
        length = min(1 + sum(length_u[here] >= odd for odd in odds), left)
        before = int(left_u[here] * length * 4)
        begin, end = here + before, here + before + length
        if end >= 24:
            break
        chosen |= set(range(begin, end))
        left -= length
        here = end + length * 4 - before
    rest = [1.0 if at in chosen else fill_u[at] for at in range(24)]
    chosen |= smallest(rest, goal - len(chosen))
    ordered = sorted(chosen, key=lambda at: at // 12 + order_u[at])
    assert ordered == [8, 9, 7, 19, 16, 15]
    words, keys = WordBoundaries([" a"] * VOCABULARY), row_keys(0, 1, np.arange(1))
    batch = plm(one_row(TEXT, 24), keys, IS_ORDINARY_V, words, 4, 12)
    order_BT = batch.order_BT
    assert order_BT is not None
    assert [order_BT[0].tolist().index(when) for when in range(goal)] == ordered
    assert set(order_BT[0].tolist()) == {-1, *range(goal)}
