"""Detectors of personally identifiable information (PII), one for each kind.

Choices:
- If two kinds overlap, the one with more structure wins: keys, e-mail, IBAN, cards, IP addresses,
  phone numbers.
- Addresses that are private, local or reserved (RFC 1918, 6890) are ignored; those that RFC 5737
  and 3849 reserve for documentation stand for public ones and are detected as such.
- Each search is bounded by an anchor (an @, a run of digits, the prefix of a key), so that
  adversarial text takes no longer than other text.
"""

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from lmkit.pii.bank_numbers import CARD, ibans, is_card
from lmkit.pii.options import Kind
from lmkit.pii.phone_numbers import phone_numbers

Spans = Iterator[tuple[int, int]]
DigitRuns = Sequence[tuple[int, int]]
"""Spans of text that consist of digits and separators."""


class Detection(NamedTuple):
    """A span of PII."""

    start: int
    end: int
    kind: Kind


LABEL = "[^\\W_]"
DOMAIN = re.compile(
    rf"(?:(?:{LABEL}(?:[\w-]{{0,61}}{LABEL})?\.){{1,8}}[^\W\d_]{{2,24}}"
    r"|\[?[0-9]{1,3}(?:\.[0-9]{1,5}){3}\]?)(?!\w)"
)
LOCAL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_%+'-")
MAX_LOCAL = 64
MAX_DOMAIN = 255


def emails(text: str, _digit_runs: DigitRuns = ()) -> Spans:
    """Yield the start and end of e-mail addresses (RFC 5321, as they are in use).

    >>> text = "Write to <jo.doe+x@mail.example.com>."
    >>> [text[start:end] for start, end in emails(text)]
    ['jo.doe+x@mail.example.com']
    """
    done = 0
    at = text.find("@")
    while at >= 0:
        match = DOMAIN.match(text, at + 1, at + 1 + MAX_DOMAIN)
        if match and (start := _start_of_local(text, max(done, at - MAX_LOCAL), at)) < at:
            done = match.end()
            yield start, done
        at = text.find("@", max(at + 1, done))


def _start_of_local(text: str, first: int, at: int) -> int:
    start = at
    while start > first:
        character = text[start - 1]
        if character not in LOCAL_CHARACTERS and not (
            character == "."
            and start < at
            and text[start] != "."
            and text[start - 2 : start - 1] != "."
        ):
            break
        start -= 1
    while start < at and not (text[start].isalnum() or text[start] == "_"):
        start += 1  # a quotation mark or a dash before the address
    return start


OCTET = "(?:0|[1-9][0-9]{0,2})"
IPV4 = re.compile(
    rf"(?:(?<=://)|(?<![\w./])(?<![A-Za-z_]-)(?<![0-9],)){OCTET}(?:\.{OCTET}){{3}}"
    r"(?!\w|-[A-Za-z]|\.\w)"
)
IPV6 = re.compile(r"[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])")
DOCUMENTATION = (
    *map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")),
    *map(IPv6Network, ("2001:db8::/32", "3fff::/20")),
)
VERSION = re.compile(
    r"(?:\b(?:v|ver|vers|version|release|rel|build|update|firmware|section|chapter|§)s?\b\.?|==|>=|"
    r"<=|~=)[\s:#(]{0,3}$",
    re.IGNORECASE,
)
HOST_WORD = re.compile(
    r"\b(?:ip|ips|ipv4|addr\w*|dns|host\w*|server\w*|\w*ping|gateway|resolver\w*|from)\b",
    re.IGNORECASE,
)
MAX_SECTION = 20
CONTEXT = 32


def ip_addresses(text: str, digit_runs: DigitRuns) -> Spans:
    """Yield the start and end of public IP addresses.

    >>> text = "From 163.36.107.25, not from 10.0.0.1, by version 1.2.3.4"
    >>> [text[one.start : one.end] for one in find(text, ("ip",))]
    ['163.36.107.25']
    """
    for start, stop in digit_runs:
        for match in IPV4.finditer(text, start, stop):
            if _is_public(match[0]) and not _is_version(text, match):
                yield match.span()
    for match in IPV6.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if not before.isalnum() and before not in {"_", ".", ":"} and _is_public(match[0]):
            yield match.span()


def _is_public(value: str) -> bool:
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return address.is_global or any(address in network for network in DOCUMENTATION)


def _is_version(text: str, match: re.Match[str]) -> bool:
    """Recognize versions and section numbers by the text before, or by their small numbers."""
    before = text[max(0, match.start() - CONTEXT) : match.start()]
    if VERSION.search(before):
        return True
    all_small = all(int(part) < MAX_SECTION for part in match[0].split("."))
    return all_small and not HOST_WORD.search(before)


PART = "[A-Za-z0-9_-]"
KEYS: dict[str, str] = {
    **dict.fromkeys(("AKIA", "ASIA", "AGPA", "AIDA", "AROA"), "[A-Z0-9]{16}"),  # Amazon
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), "[A-Za-z0-9]{36,255}"),
    "github_pat_": "[A-Za-z0-9_]{22,255}",
    "glpat-": f"{PART}{{20,64}}",  # GitLab
    "xox": "[abeoprs]-[A-Za-z0-9-]{10,255}",  # Slack
    "xapp-": "[0-9]-[A-Za-z0-9-]{10,255}",
    **dict.fromkeys(
        ("sk_live_", "sk_test_", "pk_live_", "pk_test_", "rk_live_", "rk_test_"),
        "[A-Za-z0-9]{16,255}",  # Stripe
    ),
    "whsec_": "[A-Za-z0-9]{32,64}",
    "AIza": f"{PART}{{35}}",  # Google
    "ya29.": f"{PART}{{20,255}}",
    "sk-": f"(?:(?:ant|proj|svcacct)-{PART}{{20,255}}|[A-Za-z0-9]{{32,64}})",  # Anthropic, OpenAI
    "hf_": "[A-Za-z0-9]{30,64}",  # Hugging Face
    "npm_": "[A-Za-z0-9]{36}",
    "pypi-": f"{PART}{{50,512}}",
    "SG.": f"{PART}{{16,32}}\\.{PART}{{32,64}}",  # SendGrid
    **dict.fromkeys(("AC", "SK"), "[0-9a-f]{32}"),  # Twilio
    "key-": "[0-9a-f]{32}",  # Mailgun
    **dict.fromkeys(("dop_v1_", "doo_v1_", "dor_v1_"), "[0-9a-f]{64}"),  # DigitalOcean
    **dict.fromkeys(("shpat_", "shpca_", "shppa_", "shpss_"), "[0-9a-fA-F]{32}"),  # Shopify
    ":AA": f"{PART}{{33}}",  # Telegram
    "eyJ": f"{PART}{{10,2048}}\\.eyJ{PART}{{10,4096}}\\.{PART}{{10,1024}}",  # JWT, RFC 7519
}
"""Prefixes of keys, as their issuers document them, and the pattern that follows."""
KEY_PATTERNS = {
    prefix: re.compile(f"{re.escape(prefix)}{rest}(?!{PART})") for prefix, rest in KEYS.items()
}
BOT = re.compile(r"(?<![A-Za-z0-9])[0-9]{8,10}\Z")
KEY_PUNCTUATION = frozenset("_-")
BLOCK = "-----BEGIN "
BLOCK_START = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
BLOCK_END = re.compile(r"-----END [A-Z0-9 ]{0,48}-----")
MAX_BLOCK = 16_384


def keys(text: str, _digit_runs: DigitRuns = ()) -> Spans:
    """Yield the start and end of keys and tokens in well-known formats.

    >>> text = "key AKIAIOSFODNN7EXAMPLE"  # from Amazon's documentation
    >>> [text[start:end] for start, end in keys(text)]
    ['AKIAIOSFODNN7EXAMPLE']
    """
    at = text.find(BLOCK)
    while at >= 0:
        end = at + len(BLOCK)
        if start := BLOCK_START.match(text, at):
            close = BLOCK_END.search(text, start.end(), at + MAX_BLOCK)
            end = close.end() if close else start.end()
            yield at, end
        at = text.find(BLOCK, end)
    for prefix, pattern in KEY_PATTERNS.items():
        at = text.find(prefix)
        while at >= 0:
            match = pattern.match(text, at)
            start = _start_of_key(text, at, prefix) if match and _is_mixed(match[0]) else None
            if match and start is not None:
                yield start, match.end()
            at = text.find(prefix, match.end() if match else at + 1)


def _is_mixed(key: str) -> bool:
    """Distinguish a key from hyphenated words."""
    return any(map(str.isdigit, key)) or not (key.islower() or key.isupper())


def _start_of_key(text: str, at: int, prefix: str) -> int | None:
    """Return the start of a key; None if it is the end of something longer."""
    if prefix == ":AA":
        bot = BOT.search(text[max(0, at - 11) : at])
        return at - len(bot[0]) if bot else None
    before = text[at - 1 : at]
    return None if (before.isalnum() and before.isascii()) or before in KEY_PUNCTUATION else at


def cards(text: str, digit_runs: DigitRuns) -> Spans:
    """Yield the start and end of payment card numbers.

    >>> find("Visa 4111 1111 1111 1111 (a number for tests)")
    [Detection(start=5, end=24, kind='card')]
    """
    for start, stop in digit_runs:
        for match in CARD.finditer(text, start, stop):
            if is_card("".join(filter(str.isdigit, match[0]))):
                yield match.span()


DIGIT_RUN = re.compile(r"[0-9][0-9 ().:/,+\u00a0\u2011-]{5,}")
CONTEXT_AFTER = 4
"""Characters after a run of digits that may belong to it, or show that it continues."""
DETECTORS: dict[Kind, Callable[[str, DigitRuns], Spans]] = {
    "key": keys,
    "email": emails,
    "iban": ibans,
    "card": cards,
    "ip": ip_addresses,
    "phone": phone_numbers,
}
"""In order of priority for overlaps."""


def find(text: str, kinds: tuple[Kind, ...] = (*DETECTORS,)) -> list[Detection]:
    """Return the PII in a text, in order of position."""
    digit_runs = [
        (match.start(), match.end() + CONTEXT_AFTER) for match in DIGIT_RUN.finditer(text)
    ]
    found: list[Detection] = []
    for kind, detector in DETECTORS.items():
        if kind in kinds:
            new = [Detection(start, end, kind) for start, end in detector(text, digit_runs)]
            found = _without_overlaps(found, new) if new else found
    return found


def _without_overlaps(found: list[Detection], new: list[Detection]) -> list[Detection]:
    """Add the new detections that don't overlap earlier ones."""
    starts = [one.start for one in found]
    kept: list[Detection] = []
    for one in sorted(new):
        at = bisect(starts, one.start)
        touches = (at > 0 and found[at - 1].end > one.start) or (
            at < len(found) and found[at].start < one.end
        )
        if not touches and not (kept and kept[-1].end > one.start):
            kept.append(one)
    return sorted([*found, *kept])
