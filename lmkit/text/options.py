"""Options of text normalization."""

from typing import Literal

from lmkit.config import Group


class NormalizationConfig(Group):
    """How texts are normalized before they are judged."""

    mojibake: bool = True
    """Repair text that was decoded with the wrong charset (cafÃ© becomes café)."""

    entities: bool = False
    """Decode HTML entities (&amp; becomes &), also those that were escaped twice."""

    unicode: Literal["nfc", "nfkc"] | None = "nfc"
    """Unicode normalization form: nfc joins letters and accents, nfkc also unifies look-alikes."""

    control: bool = True
    """Remove control characters and byte-order marks."""

    invisible: Literal["soft", "all"] | None = "soft"
    """Invisible characters: soft removes soft hyphens, word joiners, and zero-width spaces but in
    Thai, Lao, Khmer and Burmese; all removes joiners, directional marks and variation selectors
    too, which Persian, Indic scripts and emoji need."""

    ligatures: bool = True
    """Write ligatures as letters (\ufb01 becomes fi); unlike nfkc, that leaves x² as it is."""

    space: Literal["tidy", "collapse"] | None = "tidy"
    """White space: tidy removes invisible space, collapse also makes each run one space."""

    quotes: Literal["straight"] | None = None
    """Quotation marks and apostrophes: straight makes all of them \" and '."""

    dashes: Literal["hyphen"] | None = None
    """Dashes and minus signs: hyphen makes all of them -."""

    lowercase: bool = False
    """Lowercase the text."""

    accents: Literal["strip"] | None = None
    """Accents: strip removes them (café becomes cafe)."""
