import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.parts import parts

TEXTS = st.text(alphabet="abC .!?\n\u0301\u200d😀你。\t", max_size=200)


@given(TEXTS, st.integers(1, 40))
def test_the_parts_joined_give_the_text_and_none_is_too_long(text: str, most: int) -> None:
    found = parts(text, most)
    assert "".join(part.text + part.after for part in found) == text
    lead = len(text) - len(text.lstrip())
    for number, part in enumerate(found):
        assert len(part.text) <= most + (0 if number or not text.strip() else lead)
        assert part.text == text[part.start : part.start + len(part.text)]
        assert not part.after.strip()
        assert part.text or not text


def test_paragraphs_come_before_sentences_and_sentences_before_words() -> None:
    text = "One two three. Four five.\n\nSix seven eight. Nine ten eleven twelve thirteen.\n\nEnd."
    assert [part.text for part in parts(text, 30)] == [
        "One two three. Four five.",
        "Six seven eight.",
        "Nine ten eleven twelve",
        "thirteen.\n\nEnd.",
    ]
    assert [part.text for part in parts(text, 60)] == [
        "One two three. Four five.",
        "Six seven eight. Nine ten eleven twelve thirteen.\n\nEnd.",
    ]


def test_a_text_that_has_room_stays_whole() -> None:
    text = "  Here. And there.\n\n"
    assert [(part.start, part.text, part.after) for part in parts(text, 20)] == [(0, text, "")]


def test_a_hard_cut_spares_letters_with_accents_and_joined_emoji() -> None:
    accents = unicodedata.normalize("NFD", "é" * 50)
    family = "👨‍👩‍👧" * 20
    for text in (accents, family):
        for part in parts(text, 11):
            assert not unicodedata.combining(part.text[0]) and part.text[0] != "\u200d"
            assert part.text[-1] != "\u200d"
