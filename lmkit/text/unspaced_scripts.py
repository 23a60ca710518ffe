"""Scripts whose words have no spaces between them."""

UNSPACED = (
    (0x0E00, 0x0F00),  # Thai, Lao
    (0x1000, 0x10A0),  # Burmese
    (0x1780, 0x1800),  # Khmer
    (0x1950, 0x1A00),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AB0),  # Tai Tham
    (0x1B00, 0x1B80),  # Balinese
    (0x3005, 0x3008),  # marks that stand for Chinese characters
    (0x3040, 0x3130),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x3200),
    (0x3400, 0xA000),  # Chinese characters
    (0xA980, 0xAA00),  # Javanese, Burmese
    (0xAA60, 0xAAE0),  # Burmese, Tai Viet
    (0xF900, 0xFB00),
    (0xFF66, 0xFFA0),  # narrow Katakana
    (0x1B000, 0x1B170),
    (0x20000, 0x40000),
)
"""Ranges of their characters: the first, and the one after the last."""
UNSPACED_CLASS = "".join(f"{chr(first)}-{chr(stop - 1)}" for first, stop in UNSPACED)
"""The same for a class of a regular expression."""
