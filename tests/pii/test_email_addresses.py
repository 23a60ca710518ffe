# ruff: noqa: RUF001 (these characters are intended)
import pytest

from tests.pii.test_replacement import tagged

EMAILS = r"""
#email@example.com
#firstname.lastname@example.com
#email@subdomain.example.com
#firstname+lastname@example.com
#email@123.123.123.123
#email@[123.123.123.123]
"email"@example.com
#1234567890@example.com
#email@example-one.com
#_______@example.com
#email@example.name
#email@example.museum
#email@example.co.jp
#firstname-lastname@example.com
much.”more\\ unusual”@example.com
very.unusual.”@”.#unusual.com@example.com
very.”(),:;<>[]”.VERY.”very@\\ "very”.#unusual@strange.example.com
plainaddress
#@%^%#$@#$@#.com
@example.com
Joe Smith <#email@example.com>
email.example.com
email@#example@example.com
.#email@example.com
email.@example.com
email..#email@example.com
あいうえお@example.com
#email@example.com (Joe Smith)
email@example
email@-example.com
#email@example.web
#email@111.222.333.44444
email@example..com
Abc..#123@example.com
”(),:;<>[\\]@example.com
just”not”#right@example.com
this\\ is"really"not\\#allowed@example.com
"""


@pytest.mark.parametrize("line", EMAILS.strip().split("\n"))
def test_email_addresses_are_detected_as_by_datatrove(line: str) -> None:
    if line == "#@%^%#$@#$@#.com":
        assert tagged(line) == line
        return
    before, found, rest = line.partition("#")
    address = rest.split(" ")[0].rstrip(">")
    expected = before + "[EMAIL]" + rest[len(address) :] if found else line
    assert tagged(line.replace("#", "")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("icon@2x.png, Shape@3x.jpg and tile@1.5x.webp", None),
        ("npm i lodash@4.17.21 @types/node@18.11.9", None),
        ("a@b.toString and row@table.png, photo@home.jpeg, x@y.tar", None),
        ("git clone git@host.example:cape/lighthouse.git", None),
        ("keeper＠tower．example を見る", "[EMAIL] を見る"),
        ("連絡はjo.doe@mail.example.orgへ", "連絡は[EMAIL]へ"),
        ("пишите на jo@почта.рф сегодня", "пишите на [EMAIL] сегодня"),
        ("jo [at] mail.example.org or jo (at) mail (dot) example (dot) org", "[EMAIL] or [EMAIL]"),
        ("meet [at] noon, or (at) the dock", None),
        (
            "jo@xn--e1afmkfd.xn--p1ai or jo@localhost.localdomain",
            "[EMAIL] or jo@localhost.localdomain",
        ),
    ],
)
def test_addresses_are_distinguished_from_files_and_versions(
    text: str, expected: str | None
) -> None:
    assert tagged(text) == (expected or text)
