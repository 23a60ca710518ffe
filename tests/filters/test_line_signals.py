import re

from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.line_signals import LineNumbers, line_numbers
from lmkit.filters.punctuation import TERMINAL


def slow_duplicates(elements: list[str]) -> tuple[int, int]:
    again = [e for at, e in enumerate(elements) if e in elements[:at]]
    return len(again), sum(map(len, again))


def literally(text: str) -> LineNumbers:
    """As datatrove 0.10.1's filters count, line by line."""
    lines = re.split(r"\n+", text)
    paragraphs = re.split(r"\n{2,}", text.strip())
    solid = [line for line in text.split("\n") if line.strip()]
    return LineNumbers(
        len(lines),
        *slow_duplicates(lines),
        len(paragraphs),
        *slow_duplicates(paragraphs),
        text.count("\n"),
        len(solid),
        sum(line[-1] in TERMINAL for line in solid),
        sum(len(line) <= 30 for line in solid),
        slow_duplicates(solid)[1],
    )


@given(st.text(st.sampled_from("ab. \n\n\n\r\t。"), max_size=60).filter(str.strip))
def test_lines_and_paragraphs_are_counted_as_by_a_literal_implementation(text: str) -> None:
    result, slow = line_numbers(text), literally(text)
    if not result.duplicate_paragraphs:  # then their number is no denominator
        slow = slow._replace(paragraphs=result.paragraphs)
    assert result == slow
