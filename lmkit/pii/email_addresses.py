"""E-mail addresses, as they are written in running text.

Choices:
- The top-level domain must exist (the Public Suffix List), or be one that standards reserve for
  examples and local networks: `icon@2x.png` is a file, and `lodash@4.17.21` a version.
- `git@host:path/repository.git` addresses a repository over SSH, not a person.
- Addresses that hide from programs, `jo [at] mail (dot) example`, are addresses.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from lmkit.pii.word_edges import NO_WORD_AFTER

LABEL = "[^\\W_]"
ASCII_LABEL = "[0-9A-Za-z](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z])?"
DOMAIN = re.compile(
    rf"(?:(?:{LABEL}(?:[\w-]{{0,61}}{LABEL})?\.){{1,8}}xn--[0-9A-Za-z-]{{2,59}}"
    rf"|(?:{ASCII_LABEL}\.){{1,8}}[A-Za-z]{{2,24}}(?![0-9A-Za-z_]|--){NO_WORD_AFTER}"
    rf"|(?:{LABEL}(?:[\w-]{{0,61}}{LABEL})?\.){{1,8}}[^\W\d_]{{2,24}}"
    r"|\[?[0-9]{1,3}(?:\.[0-9]{1,5}){3}\]?)" + NO_WORD_AFTER
)
LOCAL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_%+'-")
MAX_LOCAL = 64
MAX_DOMAIN = 255
RESERVED = frozenset(
    ("example", "test", "invalid", "localhost", "local", "internal", "lan", "onion")
)
"""RFC 2606, 6761, 6762, 7686 and 8375, and names that are in use for local networks."""
SCALE = re.compile(r"[0-9](?:\.[0-9])?x\.")
"""`@2x.` before the ending of a picture for screens of high resolution."""
SSH_PATH = re.compile(r":[\w~.-]{0,64}/")
OPEN, CLOSE = r"\s{0,2}[\[({<]\s?", r"\s?[\])}>]\s{0,2}"
AT = r"(?:at|ät|arroba|собака|@)"
DOT = r"(?:dot|punkt|punto|point|ponto|точка|\.)"
HIDDEN = re.compile(
    rf"{OPEN}{AT}{CLOSE}(?P<domain>{LABEL}[\w-]{{0,62}}"
    rf"(?:(?:\.|{OPEN}{DOT}{CLOSE}|\s{DOT}\s){LABEL}[\w-]{{0,62}}){{1,6}})(?!\w)",
    re.IGNORECASE,
)
HIDDEN_AT = re.compile(rf"{OPEN}{AT}{CLOSE}", re.IGNORECASE)
HIDDEN_DOT = re.compile(rf"{OPEN}{DOT}{CLOSE}|\s{DOT}\s", re.IGNORECASE)


def emails(text: str, _digit_runs: Sequence[tuple[int, int]] = ()) -> Iterator[tuple[int, int]]:
    """Yield the start and end of e-mail addresses (RFC 5321, as they are in use).

    >>> text = "Write to <jo.doe+x@mail.example.com>."
    >>> [text[start:end] for start, end in emails(text)]
    ['jo.doe+x@mail.example.com']
    """
    done = 0
    at = text.find("@")
    while at >= 0:
        match = DOMAIN.match(text, at + 1, at + 1 + MAX_DOMAIN)
        if match and _is_domain(match[0]) and not SSH_PATH.match(text, match.end()):
            start = _start_of_local(text, max(done, at - MAX_LOCAL), at)
            if start < at:
                done = match.end()
                yield start, done
        at = text.find("@", max(at + 1, done))
    for match in HIDDEN_AT.finditer(text):
        whole = HIDDEN.match(text, match.start())
        start = _start_of_local(text, max(0, match.start() - MAX_LOCAL), match.start())
        if whole and start < match.start() and _is_domain(HIDDEN_DOT.sub(".", whole["domain"])):
            yield start, whole.end()


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


def _is_domain(domain: str) -> bool:
    """Tell whether what follows an @ can be the domain of an address."""
    if SCALE.match(domain):
        return False
    last = domain.rpartition(".")[2].strip("]").lower()
    return last.isdigit() or last in RESERVED or _is_top_level(last)


@lru_cache(maxsize=4096)
def _is_top_level(name: str) -> bool:
    return _suffixes().publicsuffix(f"x.{name}") is not None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)
