"""Measures the detectors of PII: recall and precision by language, false positives on real text.

    python tests/benchmarks/pii_recall.py            50 planted items and 50 lookalikes a language
    LMKIT_CORPORA=... python tests/benchmarks/...    also the books, which hold none

Numbers follow the numbering plans of the regulators (prefixes and lengths), with random digits, in
the formats that people of the country use; addresses are in reserved domains and networks.
"""

import os
import random
from pathlib import Path

from lmkit.pii.detectors import find

PHONES = {
    "en": ["(212) 555-01##", "415-555-01##", "+1 646 555 01##", "020 7946 0###", "+44 7911 12####"],
    "de": [
        "030 2312 5###",
        "089/1234 5##",
        "+49 151 2345 67##",
        "0170 123 45 ##",
        "(0221) 123 45##",
    ],
    "fr": ["01 42 68 ## ##", "06.12.34.##.##", "+33 6 12 34 ## ##", "0033 1 42 68 ## ##"],
    "es": ["+34 612 34 ## ##", "+34 91 123 4# ##", "+52 55 1234 56##", "+54 11 4123-45##"],
    "ru": ["8-912-345-##-##", "+7 (495) 123-##-##", "8 (812) 345-##-##", "+7 903 123 ## ##"],
    "zh": ["138001#####", "139 1234 ####", "010-6552 1###", "+86 137 1234 ####", "0755-2612 ####"],
    "ja": ["03-1234-5###", "090-1234-####", "+81 80-1234-####", "0120-123-###", "06(6123)4###"],
    "hi": ["+91 98765 4####", "+91-99876-5####", "011-2345 6###", "+91 22 2345 6###"],
    "ar": [
        "+966 50 123 4###",
        "+20 10 1234 5###",
        "+971 50 123 4###",
        "\u0660\u0665\u0660 \u0661\u0662\u0663 \u0664###",
        "050 123 4###",
    ],
    "pt": ["(11) 91234-5###", "+55 21 99876-5###", "(21) 2345-6###", "11 91234-5###"],
}
SENTENCES = {
    "en": "She asked us to write to {} before Monday, and nobody did.",
    "de": "Wer Fragen hat, meldet sich bis Montag unter {} bei uns.",
    "fr": "Pour toute question, écrivez à {} avant lundi matin.",
    "es": "Si tiene preguntas, puede usar {} antes del lunes.",
    "ru": "По всем вопросам обращайтесь {} до понедельника.",
    "zh": "如有问题请在周一之前联系{}, 谢谢大家。",
    "ja": "ご質問は月曜日までに{}へお願いします。",
    "hi": "किसी भी प्रश्न के लिए सोमवार से पहले {} पर लिखें।",
    "ar": "للاستفسار راسلنا قبل يوم الاثنين {} وشكرا لكم.",
    "pt": "Para dúvidas, escreva para {} antes de segunda-feira.",
}
LOOKALIKES = [
    *(
        "icon@2x.png",
        "Logo@3x.jpg",
        "lodash@4.17.21",
        "git@host.example:team/code.git",
        "a@b.toString",
    ),
    *("Flash Player 32.0.0.1##", "driver 27.20.100.##", "version 4.1.2.##", "section 7.2.31.4#"),
    *("+100 000 000", "+12 345 678", "200 300 4000", "212 318 4###", "1873 1902 19##", "2019-2021"),
    *(
        "978-3-16-1484##-0",
        "7732-18-5",
        "12.03.2021",
        "10:15:30",
        "1 234 567",
        "10.1145/3372297.34##",
    ),
]


def filled(pattern: str, chance: random.Random) -> str:
    """Replace each # with a digit."""
    return "".join(str(chance.randrange(10)) if sign == "#" else sign for sign in pattern)


def item(language: str, chance: random.Random) -> tuple[str, str]:
    """Return a kind and a value."""
    kind = chance.choice(["phone", "phone", "phone", "email", "ip"])
    if kind == "email":
        name = "".join(chance.choices("abcdefghijkmnoprstuv", k=7))
        host = f"{chance.choice(['mail', 'post'])}.example.{chance.choice(['com', 'org'])}"
        return kind, f"{name}.{name[:3]}@{host}"
    if kind == "ip":
        return kind, filled(chance.choice(["203.0.113.1#", "88.114.1#.1##"]), chance)
    return kind, filled(chance.choice(PHONES[language]), chance)


def main() -> None:
    """Print a line for each language, then the false positives on books."""
    for language, sentence in SENTENCES.items():
        chance = random.Random(language)
        hits = wrong = 0
        for _ in range(50):
            kind, value = item(language, chance)
            text = sentence.format(value)
            start = text.index(value)
            found = find(text)
            hits += (start, start + len(value), kind) in found
            wrong += sum(one.start >= start + len(value) or one.end <= start for one in found)
            if (start, start + len(value), kind) not in found:
                print("  missed", kind, text, found)
        for number in range(50):
            text = sentence.format(filled(LOOKALIKES[number % len(LOOKALIKES)], chance))
            if found := find(text):
                print("  wrong", text, found)
            wrong += len(found)
        print(f"{language}: recall {hits / 50:.2f}, precision {hits / max(1, hits + wrong):.2f}")
    if folder := os.environ.get("LMKIT_CORPORA"):
        books(Path(folder) / "books")


def books(folder: Path) -> None:
    """Count what is found in books (between the lines where Project Gutenberg's begin and end)."""
    import zstandard

    count = characters = 0
    for path in sorted(folder.glob("*.txt.zst")):
        with path.open("rb") as file:
            book = zstandard.ZstdDecompressor().stream_reader(file).read().decode("utf-8")
        start, end = (book.find(f"*** {word} OF TH") for word in ("START", "END"))
        text = book[start:end] if start >= 0 else book[20_000:-25_000]
        characters += len(text)
        for one in find(text):
            count += 1
            print("  ", path.name, one.kind, repr(text[one.start - 40 : one.end + 20]))
    print(f"books: {count} found in {characters / 1e6:.1f} million characters")


if __name__ == "__main__":
    main()
