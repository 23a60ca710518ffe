"""Options of text normalization."""

from typing import Literal

from lmkit.config import Group


class Normalization(Group):
    """How texts are rewritten before they are judged."""

    mojibake: bool = True
    """Mend text that was decoded as something that it isn't (cafÃ© becomes café)."""

    entities: bool = False
    """Replace HTML entities (&amp; becomes &), also those that were escaped twice."""

    unicode: Literal["nfc", "nfkc"] | None = "nfc"
    """Unicode form: nfc joins letters and accents, nfkc also unifies look-alikes."""

    control: bool = True
    """Remove control characters and byte-order marks."""

    space: Literal["tidy", "collapse"] | None = "tidy"
    """White space: tidy removes what can't be seen, collapse also makes each run one space."""

    quotes: Literal["straight"] | None = None
    """Quotation marks and apostrophes: straight writes all of them as \" and '."""

    dashes: Literal["hyphen"] | None = None
    """Dashes and minus signs: hyphen writes all of them as -."""

    lowercase: bool = False
    """Write everything in lower case."""

    accents: Literal["strip"] | None = None
    """Accents: strip removes them (café becomes cafe)."""
