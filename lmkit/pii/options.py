"""Options of the search for personally identifiable information (PII)."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from lmkit.config import Group, split_commas

Kind = Literal["key", "email", "iban", "card", "ip", "phone"]


class PiiConfig(Group):
    """PII (personally identifiable information): e-mail and IP addresses, phone numbers, keys."""

    action: Literal["tag", "pseudonym", "drop"] | None = None
    """Replace each value by a tag or by a pseudonym (from its hash), or drop documents with any."""

    kinds: Annotated[tuple[Kind, ...], BeforeValidator(split_commas)] = (
        "key",
        "email",
        "iban",
        "card",
        "ip",
        "phone",
    )
    """Kinds to detect: key, email, iban, card, ip, phone, separated by commas."""
