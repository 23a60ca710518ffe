import pytest

from lmkit.commands.generate.terminal_text import terminal_text

SAFE = "Ünïcode\ttab\nline 天地 نص‏ हिन्दी 👩‍👩‍👧 \ufffd"


def test_text_of_any_script_with_tabs_and_new_lines_is_unchanged() -> None:
    assert terminal_text(SAFE) == SAFE


@pytest.mark.parametrize("number", [*range(9), *range(11, 32), *range(127, 160)])
def test_control_characters_are_shown(number: int) -> None:
    shown = "\\r" if number == 13 else f"\\x{number:02x}"
    assert terminal_text(f"a{chr(number)}[31mb") == f"a{shown}[31mb"


@pytest.mark.parametrize("number", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_bidirectional_overrides_are_shown(number: int) -> None:
    assert terminal_text(f"a{chr(number)}b") == f"a\\u{number:04x}b"
