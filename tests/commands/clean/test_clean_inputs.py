from hashlib import sha256
from pathlib import Path

import pytest

from lmkit.commands.clean.clean_inputs import word_lists_as_inputs
from lmkit.errors import InputError


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"# only\n", "no entries"), (b"\xff", "UTF-8")],
)
def test_an_invalid_list_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        word_lists_as_inputs([("--some.option", path)])
    assert "--some.option" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_list_is_recorded_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("one\n")
    (record,) = word_lists_as_inputs([("--some.option", path)]).records
    assert record.sha256 == (sha256(b"one\n").hexdigest(),)
    assert record.identity == ("--some.option", "list.txt")
