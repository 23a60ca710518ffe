import pytest

from lmkit.filters.c4_lines import LineRules, count_sentences, judge_line
from lmkit.filters.chunk_table import ChunkTable

PAPER = LineRules(3, ".?!\"'", False)
CODE = LineRules(5, '.?!"', True)


# Taken from datatrove 0.10.1's c4_filters.py and tensorflow_datasets' c4_utils.py.
@pytest.mark.parametrize(
    ("line", "paper", "code"),
    [
        ("So it is then.", "keep", "drop"),
        ("So it was, all of it.", "keep", "keep"),
        ("One two three four. [5]", "drop", "drop"),  # a space is left after the full stop
        ("One [1] two three four.", "keep", "drop"),
        ("This is how 'it was'", "keep", "drop"),
        ("This is how it all ends...", "drop", "drop"),
        ("You must enable JavaScript to see this.", "drop", "drop"),
        ("This site uses cookies for many things.", "drop", "drop"),
        ("Lorem ipsum dolor sit amet, as ever.", "lorem_ipsum", "lorem_ipsum"),
        ("Lorem ipsum dolor sit amet", "drop", "drop"),
        ("function f() { return a lot of it.", "curly_bracket", "curly_bracket"),
        ("a " + "b" * 1001 + " c d e f.", "drop", "drop"),
    ],
)
def test_lines_are_judged_as_by_the_paper_and_the_code(line: str, paper: str, code: str) -> None:
    assert judge_line(line, PAPER)[0] == paper
    assert judge_line(line, CODE)[0] == code


def test_citations_are_removed() -> None:
    line = "The cat[citation needed] sat[12] on[edit] the mat[]."
    assert judge_line(line, PAPER)[1] == "The cat sat on the mat."


@pytest.mark.parametrize(
    ("line", "count"), [("No end", 1), ("One. Two! Three?", 3), ('"So." B.', 2), ("A...", 1)]
)
def test_a_sentence_begins_with_a_word_after_an_end_mark(line: str, count: int) -> None:
    assert count_sentences(line, ChunkTable()) == count
