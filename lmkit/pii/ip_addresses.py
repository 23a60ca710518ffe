"""Public IP addresses, which look like versions and section numbers.

Choices:
- Addresses that are private, local or reserved (RFC 1918, 6890) are ignored; those that RFC 5737
  and 3849 reserve for documentation stand for public ones and are detected as such.
- Four numbers with dots are as often a version. What stands next to them decides: a port or a
  network's length after them; the nearest word before them that names a host, or a version. Where
  nothing does, small numbers, zeros in the middle and a product's name before them are signs of a
  version.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from lmkit.pii.word_edges import NO_WORD_AFTER, NO_WORD_BEFORE

OCTET = "(?:0|[1-9][0-9]{0,2})"
IPV4 = re.compile(
    rf"(?:(?<=://)|{NO_WORD_BEFORE}(?<![./])(?<![A-Za-z_]-)(?<![0-9],)){OCTET}(?:\.{OCTET}){{3}}"
    rf"{NO_WORD_AFTER}(?!-[A-Za-z]|\.\w)"
)
IPV6 = re.compile(r"[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])")
DOCUMENTATION = (
    *map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")),
    *map(IPv6Network, ("2001:db8::/32", "3fff::/20")),
)
VERSION = re.compile(
    r"(?:(?<![A-Za-z])(?:v|ver|since|vers|versions?|versión|versão|releases?|rel|builds?|updates?|updated|upgraded?|"
    r"bump(?:s|ed)?|firmware|software|drivers?|player|plugin|browser|sdk|runtime|framework|library|"
    r"package|module|patch|hotfix|revision|rev|sections?|chapters?|clauses?|paragraphs?|articles?|"
    r"figures?|tables?|item|abschnitt|kapitel|version|treiber|pilote|chapitre|sección|capítulo|"
    r"верси[яиюей]{1,2}|раздел\w*|пункт\w*|драйвер\w*|обновлени[еяю])\b|§|版本|版|章|バージョン|"
    r"الإصدار|संस्करण)[^.,;!?\n]{0,16}$",
    re.IGNORECASE,
)
ASSIGNED = re.compile(r"(?:==|>=|<=|~=|\bv\.?\s?)\s?$", re.IGNORECASE)
HOST_WORD = re.compile(
    r"(?<![A-Za-z\[])(?:ips?|ipv4|addr\w*|dns|hosts?|hostname|servers?|\w{0,40}ping|gateway|resolver\w*|client|peer|"
    r"subnet|network|netmask|router|proxy|traceroute|connect\w*|login|logged|visit\w*|адрес\w*|"
    r"хост\w*|сервер\w*|adresse|dirección|endereço)\b|地址|服务器|アドレス|サーバー|عنوان|خادم|पता|सर्वर",
    re.IGNORECASE,
)
FROM = re.compile(r"\bfrom\s{1,3}$", re.IGNORECASE)
NETWORK_AFTER = re.compile(r":[0-9]{2,5}\b|/[0-9]{1,2}\b| - - \[")
VERSION_AFTER = re.compile(
    r"[\s(-]{1,2}(?:beta|alpha|release|rc[0-9]?|build|stable|final)\b|-[0-9]{1,2}(?=[)\s])",
    re.IGNORECASE,
)
PRODUCT = re.compile(r"[^\s.!?:;,\"'(\[][^\S\n](?:[A-Z][A-Za-z]+|[A-Z]{2,})[^\S\n]$")
"""A capitalized word that doesn't begin a sentence."""
MAX_SECTION = 20
"""The first three numbers of a version or a section are rarely larger; those of an address are."""
MAX_MAJOR = 50
CONTEXT = 40


def ip_addresses(text: str, digit_runs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the start and end of public IP addresses.

    >>> text = "From 163.36.107.25, not from 10.0.0.1, by version 1.2.3.4"
    >>> [text[start:end] for start, end in ip_addresses(text, [(0, len(text))])]
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
    return address.is_global or _is_for_documentation(address)


def _is_for_documentation(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in DOCUMENTATION)


def _is_version(text: str, match: re.Match[str]) -> bool:
    """Recognize versions and section numbers by what is next to them, then by their numbers."""
    if _is_for_documentation(ip_address(match[0])):
        return False
    before = text[max(0, match.start() - CONTEXT) : match.start()]
    lines = before.rsplit("\n", 2)
    before = lines[-1] if lines[-1].strip() else "\n".join(lines[-2:])
    if ASSIGNED.search(before):
        return True
    if NETWORK_AFTER.match(text, match.end()) or before.endswith("://"):
        return False
    host, version = _last(HOST_WORD, before), _last(VERSION, before)
    if host != version:
        return version > host
    if VERSION_AFTER.match(text, match.end()):
        return True
    parts = [int(part) for part in match[0].split(".")]
    if all(part < MAX_SECTION for part in parts[:3]):
        return not FROM.search(before)
    if parts[0] < MAX_SECTION and 0 in parts[1:3]:
        return True
    has_zeros = parts[1] == parts[2] == 0
    return parts[0] < MAX_MAJOR and (has_zeros or PRODUCT.search(before) is not None)


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Return where the last match of a pattern ends, -1 if there is none."""
    return max((match.end() for match in pattern.finditer(text)), default=-1)
