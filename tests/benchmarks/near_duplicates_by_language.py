"""Near-duplicates in eleven languages: how many of the planted copies are found.

    python tests/benchmarks/near_duplicates_by_language.py UDHR_ZIP

UDHR_ZIP holds the Universal Declaration of Human Rights, as NLTK's package udhr2 has it: one UTF-8
file per language. A declaration is split into passages of 400 to 1,600 characters, in Chinese and
Japanese of 150 to 600, none of which is a copy of another. Each has copies with 1 to 12 edits: a
few characters or words that were replaced by others of the same declaration, removed, or repeated.
Half of the copies have soft hyphens too.

Similarity is computed independently, on sets: 5 words in a row, where a word is a run of letters,
digits and marks, or in scripts without spaces a letter with its marks. A pair is found if it shares
a band, and is similar enough by its hashes. Of all other pairs none may be.
"""

import random
import re
import sys
import unicodedata
import zipfile
from itertools import combinations
from pathlib import Path
from typing import Any

from lmkit.deduplication.minhash import Bands
from lmkit.deduplication.shingles import jaccard, shingles
from lmkit.text.digests import folded

LANGUAGES = {
    "en": "eng",
    "de": "deu",
    "ru": "rus",
    "ar": "arb",
    "hi": "hin",
    "zh": "cmn_hans",
    "ja": "jpn",
    "th": "tha",
    "lo": "lao",
    "km": "khm",
    "my": "mya",
}
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
COPIES = 40
LENGTHS, SHORTER = range(400, 1_600), range(150, 600)
MIN_SIMILARITY = 0.7
STRICT = 0.85
TEXTS_AT_ONCE = 100


def words(text: str) -> list[str]:
    """Split a folded text literally, character by character."""
    found: list[str] = []
    inside = alone = False
    for character in text.replace("\u00ad", ""):
        is_mark = unicodedata.category(character) in {"Mn", "Mc"}
        if is_mark and inside:
            found[-1] += character
        elif is_mark or re.match(r"\w", character):
            own = unicodedata.name(character, "").startswith(UNSPACED)
            if inside and not own and not alone:
                found[-1] += character
            else:
                found.append(character)
            inside, alone = True, own
        else:
            inside = False
    return found


def similarity(one: str, other: str) -> float:
    grams: list[set[tuple[str, ...]]] = []
    for split in map(words, (folded(one), folded(other))):
        grams.append({tuple(split[n : n + 5]) for n in range(len(split) - 4)})
    return len(grams[0] & grams[1]) / max(1, len(grams[0] | grams[1]))


def passages(text: str, chance: random.Random, lengths: range) -> list[str]:
    """Split a text at lines into passages of different lengths."""
    found: list[str] = []
    current: list[str] = []
    size = chance.choice(lengths)
    for line in map(str.strip, text.splitlines()):
        current.append(line)
        if sum(map(len, current)) >= size:
            found.append("\n".join(current))
            current, size = [], chance.choice(lengths)
    return found


def edited(text: str, chance: random.Random) -> str:
    spaced = text.count(" ") > len(text) / 15
    for _ in range(chance.randint(1, 12)):
        pieces = text.split(" ") if spaced else list(text)
        at, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
        length = chance.randint(1, 2 if spaced else 4)
        kind = chance.randrange(3)
        new = pieces[other : other + length] if kind else []
        pieces[at : at + (length if kind < 2 else 0)] = new
        text = (" " if spaced else "").join(pieces)
    if chance.random() < 0.5:
        text = re.sub(r"(?<=\w\w)(?=\w\w)", lambda _: "\u00ad" * (chance.random() < 0.2), text)
    return text


def main(path: Path) -> None:
    print("language passages pairs>=.85 found recall | .70-.85 found | other pairs found wrongly")
    bands = Bands(14, 8)
    for language, name in LANGUAGES.items():
        chance = random.Random(language)
        text = zipfile.ZipFile(path).read(f"udhr2/{name}.txt").decode()
        bases = passages(text, chance, SHORTER if language in {"zh", "ja"} else LENGTHS)
        texts = [*bases]
        owners = [*range(len(bases))]
        for number, base in enumerate(bases):
            texts += [edited(base, chance) for _ in range(COPIES)]
            owners += [number] * COPIES
        signed: list[tuple[Any, Any]] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            found, lengths = shingles([*map(folded, texts[start : start + TEXTS_AT_ONCE])])
            keys = bands.keys(found, lengths).T
            first = 0
            for length, row in zip(lengths.tolist(), keys, strict=True):
                signed.append((found[first : first + length], row))
                first += length

        def matched(one: int, other: int, signed: list[tuple[Any, Any]] = signed) -> bool:
            (a, keys_a), (b, keys_b) = signed[one], signed[other]
            return bool((keys_a == keys_b).any()) and jaccard(a, b) >= MIN_SIMILARITY

        high = high_found = low = low_found = others = wrong = 0
        for copy in range(len(bases), len(texts)):
            similar = similarity(texts[owners[copy]], texts[copy])
            found_it = matched(owners[copy], copy)
            if similar >= STRICT:
                high, high_found = high + 1, high_found + found_it
            elif similar >= MIN_SIMILARITY:
                low, low_found = low + 1, low_found + found_it
            else:
                others, wrong = others + 1, wrong + found_it
        for one, other in combinations(range(len(texts)), 2):
            if owners[one] != owners[other]:
                others, wrong = others + 1, wrong + matched(one, other)
        print(
            f"{language:8} {len(bases):8} {high:10} {high_found:5} {high_found / high:.4f} | "
            f"{low:7} {low_found:5} | {others:11} {wrong:5}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
