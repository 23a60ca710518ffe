import pytest

from lmkit.filters.rule_sets.markup import markup_fraction


@pytest.mark.parametrize(
    ("text", "fraction"),
    [("plain text", 0), ("<b>", 1), ("a [[b]] c", 4 / 7), ("a < b > c", 0), ("&nbsp;x", 6 / 7)],
)
def test_tags_entities_and_brackets_are_markup(text: str, fraction: float) -> None:
    assert markup_fraction(text) == pytest.approx(fraction)
