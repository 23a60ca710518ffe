import itertools

from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.digests import normal_form
from lmkit.text.text_units import Units, WordKeys, word_spans, words_of

TEXTS = st.text(st.sampled_from("abA é\n\n .日"), max_size=60)


def same_as_literal(keys: list[int], literal: list[object]) -> None:
    """Keys are equal if and only if the units are."""
    for (key, one), (other_key, other) in itertools.combinations(
        zip(keys, literal, strict=True), 2
    ):
        assert (key == other_key) == (one == other)


@given(TEXTS)
def test_lines_are_equal_if_their_normal_forms_are(text: str) -> None:
    lines = text.split("\n")
    keys, numbers = Units.of(text, WordKeys()).lines(2)
    assert numbers.tolist() == [n for n, line in enumerate(lines) if len(words_of(line)) >= 2]
    literal = [tuple(map(normal_form, words_of(lines[n]))) for n in numbers.tolist()]
    same_as_literal(keys.tolist(), [*literal])


@given(TEXTS)
def test_paragraphs_are_separated_by_blank_lines(text: str) -> None:
    lines = text.split("\n")
    expected = dict[int, list[str]]()
    for number, line in enumerate(lines):
        if line.split():
            begins = number == 0 or not lines[number - 1].split()
            first = number if begins else max(expected)
            expected.setdefault(first, []).extend(map(normal_form, words_of(line)))
    keys, first = Units.of(text, WordKeys()).paragraphs(1)
    assert first.tolist() == list(expected)
    same_as_literal(keys.tolist(), [*map(tuple, expected.values())])


@given(TEXTS, st.integers(1, 9))
def test_passages_are_equal_if_all_their_words_are(text: str, size: int) -> None:
    words = [normal_form(word) for word in words_of(text)]
    keys = Units.of(text, WordKeys()).passages(size)
    literal = [tuple(words[n : n + size]) for n in range(len(words) - size + 1)]
    same_as_literal(keys.tolist(), [*literal])


@given(st.text())
def test_words_are_at_their_spans(text: str) -> None:
    words = words_of(text)
    assert [text[start:stop] for start, stop in word_spans(text)] == words
    assert "".join(words) == "".join(text.split())
    assert len(Units.of(text, WordKeys()).keys) == len(words)


def test_equal_words_have_equal_keys_in_every_run() -> None:
    known = WordKeys()
    known.max_size = 1
    text = "One two\none TWO"
    keys, _ = Units.of(text, known).lines(1)
    again, _ = Units.of(text, WordKeys()).lines(1)
    assert keys.tolist() == again.tolist() and keys[0] == keys[1]


def test_scripts_without_spaces_have_one_word_per_character() -> None:
    assert words_of("ไทย 日本 abc") == ["ไ", "ท", "ย", "日", "本", "abc"]
