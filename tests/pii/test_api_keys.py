import pytest

from tests.pii.test_replacement import tagged

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MIXED = f"{LETTERS}{LETTERS.upper()}0123456789"


# The formats are those that the issuers document; the values are invented.
@pytest.mark.parametrize(
    "key",
    [
        "AKIAIOSFODNN7EXAMPLE",  # Amazon's own example
        "ghp_" + MIXED[:36],
        "github_pat_" + MIXED[20:62],
        "glpat-" + MIXED[-20:],
        "xoxb-" + "123456789012-123456789012-" + MIXED[:24],
        "sk_" + "live_" + MIXED[-24:],
        "AIza" + MIXED[-35:],
        "sk-" + "proj-" + MIXED[-40:],
        "hf_" + MIXED[:34],
        "npm_" + MIXED[-36:],
        "SG." + MIXED[:22] + "." + MIXED[-43:],
        "key-" + "0123456789abcdef" * 2,
        "1234567890:AA" + MIXED[-33:],
        # RFC 7519, section 3.1, with a signature
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
        "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ],
)
def test_keys_of_known_formats_are_found(key: str) -> None:
    assert tagged(f"token={key}, keep it") == "token=[KEY], keep it"
    assert tagged(f"x{key}") == f"x{key}"


def test_blocks_of_private_keys_are_replaced_completely() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"
    assert tagged(f"a\n{block}\nb") == "a\n[KEY]\nb"
    assert tagged("-----BEGIN CERTIFICATE-----") == "-----BEGIN CERTIFICATE-----"
