import re

import pytest

from lmkit.text.unspaced_scripts import UNSPACED, UNSPACED_CLASS


@pytest.mark.parametrize("character", [*"言ไめアກမ្ច", "\U00020000"])
def test_characters_of_scripts_without_spaces_are_in_the_class(character: str) -> None:
    assert re.fullmatch(f"[{UNSPACED_CLASS}]", character)


@pytest.mark.parametrize("character", [*"aяहع한 1.。"])
def test_other_characters_are_not(character: str) -> None:
    assert not re.fullmatch(f"[{UNSPACED_CLASS}]", character)


def test_ranges_are_in_order_and_do_not_overlap() -> None:
    borders = [border for pair in UNSPACED for border in pair]
    assert borders == sorted(borders)
