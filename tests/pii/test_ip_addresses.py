# ruff: noqa: RUF001 (these characters are intended)
import pytest

from tests.pii.test_replacement import tagged

# The block of datatrove's tests/pipeline/test_pii_removal.py, where `#` precedes what it restarts.
# It takes the end of ".3.3.3.0" for an address, which its own heading calls invalid; lmkit doesn't.
IP_ADDRESSES = """
999.999.999.999. 108.0.0.01 0.1.2.3 00.0000.00.00 192.168.l.1 912.456.123.123 .3.3.3.0 192.168.o.0
172.16.0.9 172.16.4.1 172.17.1.1 127.0.0.2 10.0.1.5 10.0.0.1 10.155.155.155 10.255.255.254
172.16.0.4 172.16.0.1 172.17.1.1 172.31.254.254 192.168.1.2 192.168.254.0
#163.36.107.25 #114.35.103.54 #57.120.21.121 #13.83.69.70 #29.116.31.158 #193.163.229.23
#211.160.67.46 #4.132.211.142 #214.70.227.4 #35.88.121.75
"""


def test_ip_addresses_are_detected_as_by_datatrove() -> None:
    expected = ["[IP]" if word[0] == "#" else word for word in IP_ADDRESSES.split()]
    assert tagged(IP_ADDRESSES.replace("#", "")).split() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # RFC 5737 and 3849: these stand for public addresses wherever something is explained.
        ("192.0.2.1, 198.51.100.7 and 203.0.113.9.", "[IP], [IP] and [IP]."),
        ("http://198.51.100.7:8080/x (2001:db8::8a2e:370:7334)", "http://[IP]:8080/x ([IP])"),
        ("fe80::1, ::1, fd00::1, std::vector, 12:34:56, 2001:zz::", None),
        ("Chrome/87.0.42.88, version 8.20.30.40, v10.20.30.40, lib-1.22.33.44.tar", None),
        ("1.1.1.1 Introduction", None),
        ("the DNS server 8.8.8.8", "the DNS server [IP]"),
    ],
)
def test_public_addresses_are_distinguished_from_versions(text: str, expected: str | None) -> None:
    assert tagged(text) == (expected or text)


@pytest.mark.parametrize(
    "text",
    [
        "Adobe Flash Player 32.0.0.101 and the driver 27.20.100.95 were replaced",
        "the section is 7.2.31.44 in the manual, and Kapitel 21.22.23.24",
        "Bump acme from 21.22.23.24 to 31.0.0.4",
        "kernel 5.15.0.91, glibc 2.31.0.9",
        "OpenSuite Viewer 21.44.13.77 crashed",
        "установлена версия 21.22.23.24, драйвер 31.40.50.60",
        "当前版本 21.22.23.24，バージョン21.22.23.25",
        "30.40.50.60-beta and 31.41.51.61 (build 7)",
    ],
)
def test_versions_in_context_are_no_addresses(text: str) -> None:
    assert tagged(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("сервер 88.114.13.26 не отвечает", "сервер [IP] не отвечает"),
        ("服务器地址88.114.13.26，端口80", "服务器地址[IP]，端口80"),
        ("アドレスは88.114.13.26です", "アドレスは[IP]です"),
        ("العنوان 88.114.13.26 محظور", "العنوان [IP] محظور"),
        ("45.0.0.7:8080 and 46.0.0.0/16", "[IP]:8080 and [IP]/16"),
        (
            '88.114.13.26 - - [12/Mar/2021:10:15:30] "GET /"',
            '[IP] - - [12/Mar/2021:10:15:30] "GET /"',
        ),
    ],
)
def test_addresses_in_context_are_no_versions(text: str, expected: str) -> None:
    assert tagged(text) == expected


# Lines as changelogs have them.
@pytest.mark.parametrize(
    "text",
    [
        "parcel (1.6.12.99) frozen unstable; urgency=low",
        "acme-icons (2.30.2.1-1) unstable; urgency=low",
        "already skipping symlinks\n    (since 1.14.16.6) for similar reasons",
        "Update maintainer addresses\n      Prepare for 1.8.1.1\n      Parcel 1.8.1.1",
        "added U+2024-2025 to Serif, and acme (4.6.0+git+20190510-2)",
        "Boston, MA  02111-1307  USA.",
        "Fix the order of the call.\n\n2007-04-04  A. Keeper",
        "drawing text\n\n2004-02-15 B. Keeper",
    ],
)
def test_changelogs_hold_no_numbers_of_people(text: str) -> None:
    assert tagged(text) == text
