# ruff: noqa: RUF001 (these characters are intended)
import re

import pytest

from lmkit.pii.word_edges import NO_WORD_AFTER, NO_WORD_BEFORE

NUMBER = re.compile(rf"{NO_WORD_BEFORE}[0-9]+{NO_WORD_AFTER}")


@pytest.mark.parametrize("text", ["在42号", "は42で", "ครับ42นะ", "전화42로", "ជា42ទៅ", "(42)"])
def test_letters_of_scripts_without_spaces_stand_next_to_a_number(text: str) -> None:
    assert [match[0] for match in NUMBER.finditer(text)] == ["42"]


@pytest.mark.parametrize("text", ["a42", "42b", "тел42", "42ый", "é42", "_42", "هاتف42", "42में"])
def test_letters_of_other_scripts_belong_to_it(text: str) -> None:
    assert not NUMBER.search(text)
