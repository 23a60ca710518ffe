"""Options of the search for personally identifiable information (PII)."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from lmkit.config import Group, split_commas

Kind = Literal["key", "email", "iban", "card", "ip", "phone"]


class PrivateData(Group):
    """E-mail addresses, numbers of telephones, accounts and cards, addresses of machines, keys."""

    action: Literal["tag", "stand-in", "drop"] | None = None
    """Replace them by a tag, or by a hash of the value, or drop documents that hold any."""

    kinds: Annotated[tuple[Kind, ...], BeforeValidator(split_commas)] = (
        *("key", "email", "iban", "card", "ip", "phone"),
    )
    """What to look for: key, email, iban, card, ip, phone; commas between."""
