import io
import os
import sys
from pathlib import Path

import pytest

from lmkit.errors import ConfigError, InputError
from lmkit.generation.prompts_file import PromptLine, PromptsFile


def lines(path: str | Path) -> list[tuple[str, str, str | None]]:
    """Read a file twice, as the command does."""
    with PromptsFile(Path(path)) as file:
        found, again = list(file), list(file)
    assert found == again
    return [(line.prompt, line.suffix, line.location) for line in found]


def test_plain_text_has_a_prompt_on_each_line_and_empty_ones_count(here: Path) -> None:
    Path("p.txt").write_bytes(b'\xef\xbb\xbfone \r\n\n\xe5\xa4\xa9\n{"prompt": 1}')
    assert lines("p.txt") == [
        ("one ", "", "p.txt:1"),
        ("", "", "p.txt:2"),
        ("天", "", "p.txt:3"),
        ('{"prompt": 1}', "", "p.txt:4"),
    ]


def test_json_lines_have_a_prompt_and_perhaps_a_suffix(here: Path) -> None:
    Path("p.jsonl").write_text(
        '{"prompt": "a\\nb", "id": 3}\n\n{"suffix": "c", "prompt": ""}\n'
        '{"prompt": "d", "suffix": null}\n'
    )
    assert lines("p.jsonl") == [
        ("a\nb", "", "p.jsonl:1"),
        ("", "c", "p.jsonl:3"),
        ("d", "", "p.jsonl:4"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"Prompt": "a"}', "no field 'prompt', only Prompt; did you mean Prompt?"),
        (b"{}", "no field 'prompt', only nothing"),
        (b'{"prompt": null}', "'prompt' is not a text"),
        (b'{"prompt": 0}', "'prompt' is not a text"),
        (b'{"prompt": "a", "suffix": ["b"]}', "'suffix' is not a text"),
        (b'{"prompt": "\xff"}', "not UTF-8: invalid start byte at byte 12"),
    ],
)
def test_a_wrong_line_is_named_by_file_and_number(here: Path, line: bytes, message: str) -> None:
    Path("p.jsonl").write_bytes(b'{"prompt": "a"}\n' + line + b"\n")
    with pytest.raises(InputError) as error:
        lines("p.jsonl")
    assert str(error.value).startswith("p.jsonl:2: ") and message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_line_without_end_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmkit.generation.prompts_file.LONGEST_LINE", 5)
    Path("p.txt").write_text("12345\n123456\n")
    with pytest.raises(InputError, match=r"p\.txt:2: longer than 5 bytes"):
        lines("p.txt")


@pytest.mark.parametrize("path", ["missing.txt", "."])
def test_what_cannot_be_read_is_refused(here: Path, path: str) -> None:
    with pytest.raises(ConfigError, match=f"--prompts: cannot read {path}"):
        PromptsFile(Path(path))


def test_a_pipe_is_read_as_often_as_a_file() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo")
    os.close(writer)
    try:
        assert [prompt for prompt, _, _ in lines(f"/dev/fd/{reader}")] == ["one", "two"]
    finally:
        os.close(reader)


def test_standard_input_is_read_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"one\ntwo\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert lines("-") == [("one", "", "stdin:1"), ("two", "", "stdin:2")]
    assert not stdin.buffer.closed


def test_a_prompt_that_was_typed_has_no_location() -> None:
    assert PromptLine("a", "").location is None
