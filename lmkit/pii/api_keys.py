"""Keys and tokens in the formats that their issuers document."""

import re
from collections.abc import Iterator, Sequence

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


def keys(text: str, _digit_runs: Sequence[tuple[int, int]] = ()) -> Iterator[tuple[int, int]]:
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
