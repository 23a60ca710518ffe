import random
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.pii.detectors import DETECTORS, find
from lmkit.pii.options import Kind, PiiConfig
from tests.conftest import prose
from tests.pii.test_api_keys import LETTERS, MIXED
from tests.pii.test_bank_numbers import CARDS, REGISTRY, grouped


@given(
    st.lists(st.sampled_from(["a@b.co", "+1", " 212", "-555", "-0123", ".", "1.2.3.44", "4111"]))
)
def test_detections_are_in_order_and_do_not_overlap(parts: list[str]) -> None:
    text = "".join(parts)
    found = find(text)
    assert all(one.start < one.end <= len(text) for one in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    "part",
    [
        "@",
        "a@",
        "a@a.",
        "1 ",
        "1.",
        "(",
        "+1",
        "4111 ",
        "eyJ",
        "eyJaaaaaaaaaaaaa.",
        "a.",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
        "2001:",
        "GB29 ",
        "tel 12 34 ",
        "sk-a",
        ":AA",
    ],
)
def test_adversarial_texts_take_no_longer_than_others(part: str) -> None:
    text = part * (300_000 // len(part))
    assert find(text) == find(text)


def planted(count: int) -> list[tuple[Kind, str]]:
    """Items of every kind from published numbers and reserved ranges."""
    chance = random.Random(7)

    def digits(n: int) -> str:
        return "".join(chance.choices("0123456789", k=n))

    def word() -> str:
        return "".join(chance.choices(LETTERS, k=chance.randint(3, 9)))

    def email() -> str:
        host = chance.choice(["example.com", "mail.example.org", "example.net", "example.co.uk"])
        return f"{word()}{chance.choice(['.', '_', '-', '+', ''])}{word()}@{host}"

    def phone() -> str:
        area = f"{chance.randint(2, 9)}{digits(2)}"
        forms = [f"({area}) 555-01{digits(2)}", f"{area}-555-01{digits(2)}"]
        forms += [f"+1 {area} 555 01{digits(2)}", f"020 7946 0{digits(3)}", f"01632 960{digits(3)}"]
        forms += [f"+44 7700 900{digits(3)}", f"01 99 00 {digits(2)} {digits(2)}"]
        forms += [f"+49 30 23125{digits(3)}", f"+61 491 570 {digits(3)}", f"030 23125 {digits(3)}"]
        return chance.choice(forms)

    def ip_address() -> str:
        v6 = f"2001:db8:{chance.randrange(1, 65535):x}::{chance.randrange(1, 65535):x}"
        net = chance.choice(["192.0.2", "198.51.100", "203.0.113"])
        return chance.choice([f"{net}.{chance.randint(1, 254)}"] * 3 + [v6])

    def key() -> str:
        secret = "".join(chance.choices(MIXED, k=48))
        shapes = [f"ghp_{secret[:36]}", f"AIza{secret[:35]}", f"sk-{secret}", f"hf_{secret[:34]}"]
        return chance.choice([*shapes, "AKIA" + "".join(chance.choices(MIXED[26:], k=16))])

    def card() -> str:
        value = chance.choice([card for card in CARDS.split() if len(card) == 16])
        return chance.choice([value, grouped(value), grouped(value, by="-")])

    def iban() -> str:
        value = chance.choice(REGISTRY.split())
        return chance.choice([value, grouped(value)])

    makers = {
        "email": email,
        "phone": phone,
        "ip": ip_address,
        "key": key,
        "card": card,
        "iban": iban,
    }
    kinds = [chance.choice([*makers]) for _ in range(count)]
    return [(kind, makers[kind]()) for kind in kinds]  # type: ignore[misc]


def recalled(passages: list[str]) -> tuple[float, int, int]:
    """Plant 500 items, each between two words of a passage: the fraction that is found exactly,
    the number of detections, and how many of them overlap no planted item."""
    chance = random.Random(3)
    exact = found = wrong = 0
    items = planted(500)
    for number, (kind, value) in enumerate(items):
        words = passages[number % len(passages)].split(" ")
        at = chance.randrange(len(words))
        before = " ".join([*words[:at], ""])
        text = before + value + " ".join(["", *words[at:]])
        spans = find(text)
        span = (len(before), len(before) + len(value), kind)
        exact += span in spans
        found += len(spans)
        wrong += sum(one.end <= span[0] or one.start >= span[1] for one in spans)
    return exact / len(items), found, wrong


def test_of_500_items_planted_in_prose_at_most_2_percent_are_missed() -> None:
    fraction, found, wrong = recalled(prose(100))
    assert fraction >= 0.98
    assert wrong / found <= 0.02


def test_numbers_in_books_are_not_replaced(corpora: Path) -> None:
    import zstandard

    text = ""
    for path in sorted((corpora / "books").glob("*.txt.zst"))[::19]:
        stream = zstandard.ZstdDecompressor().stream_reader(path.open("rb"))
        book = stream.read().decode().replace("\r\n", "\n")
        start, end = (book.find(f"*** {word} OF TH") for word in ("START", "END"))
        text += book[start:end] if start >= 0 else ""
    assert len(text) > 3_000_000
    starts = [number * 6000 for number in range(len(text) // 6000)]
    fraction, found, wrong = recalled([text[at : at + 3000] for at in starts])
    assert fraction >= 0.98
    assert wrong / found <= 0.02
    # What is found in the books themselves are contact details of their publishers.
    found_in_books = {text[one.start : one.end] for one in find(text)}
    assert all("@" in value or value == "(801) 596-1887" for value in found_in_books), (
        found_in_books
    )


def test_numbers_in_speeches_are_not_replaced(corpora: Path) -> None:
    archive = zipfile.ZipFile(corpora / "misc" / "state_union.zip")
    for name in archive.namelist():
        if name.endswith(".txt"):
            assert find(archive.read(name).decode("latin-1")) == []


def test_every_kind_has_a_detector() -> None:
    assert set(DETECTORS) == set(get_args(Kind)) == set(PiiConfig().kinds)
