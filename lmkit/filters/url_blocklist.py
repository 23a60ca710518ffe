"""Matches the URLs of pages against block lists of domains and words.

Choices:
- A listed domain includes its subdomains; `www.` and case don't count, and an internationalized
  name is the same in Unicode and in punycode.
- Files may be plain lists, hosts files (`0.0.0.0 bad.example`), or have `*.` before the domain.
- A listed word must match a complete word: `sex` doesn't match essex.org.
- A document without a URL passes: there is nothing to compare.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lmkit.artifacts.document import Document
from lmkit.text.word_list_files import read_entries

HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@]*@)?(\[[^\]/]*\]|[^/:?#]*)")
WORD = re.compile(r"[^\W_]+")
NOT_DOMAINS = frozenset(["localhost", "localhost.localdomain", "broadcasthost", "local"])


class BlockLists:
    """Domains and words that URLs must not contain."""

    def __init__(self, domains: Sequence[Path], words: Sequence[Path]) -> None:
        self._domains = frozenset(
            domain for path in domains for line in read_entries(path) for domain in _domains(line)
        )
        self._words = frozenset(
            word.casefold() for path in words for line in read_entries(path) for word in [line]
        )

    def count_in(self, document: Document) -> tuple[int, int]:
        """Count the URLs of a page in listed domains, and listed words in them."""
        urls = urls_of(document)
        return self.listed_domains(urls), self.listed_words(urls)

    def listed_domains(self, addresses: Iterable[str]) -> int:
        """Count the URLs whose domain, or a parent domain, is listed."""
        return sum(self._is_listed(host_of(address)) for address in addresses)

    def listed_words(self, addresses: Iterable[str]) -> int:
        """Count the listed words in URLs."""
        return sum(
            word in self._words
            for address in addresses
            for word in WORD.findall(address.casefold())
        )

    def _is_listed(self, host: str) -> bool:
        while host:
            if host in self._domains:
                return True
            host = host.partition(".")[2]
        return False


def urls_of(document: Document) -> list[str]:
    """Return the URLs of a document's page."""
    found: tuple[Any, Any] = document.metadata.get("url"), document.metadata.get("origin")
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and "//" in one))


def host_of(address: str) -> str:
    """Return the host of a URL, in lower case and punycode.

    >>> host_of("https://user@WWW.Example.com:8080/x?y"), host_of("//bücher.example/")
    ('example.com', 'xn--bcher-kva.example')
    """
    match = HOST.match(address.strip())
    return _plain(match[1]) if match else ""


def _plain(host: str) -> str:
    host = host.strip().strip(".").lower().removeprefix("www.")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _domains(line: str) -> list[str]:
    """Return the domains in a line of a list."""
    line = line.partition("#")[0].strip()
    if "//" in line:
        return [host_of(line)]
    first, *rest = line.split()
    names = rest if rest and re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]+", first) else [first]
    plain = (_plain(name.removeprefix("*.").removeprefix("||").rstrip("^")) for name in names)
    return [name for name in plain if name and name not in NOT_DOMAINS]
