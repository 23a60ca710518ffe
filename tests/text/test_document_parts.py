import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from lmkit.artifacts.documents_file import Document, Outcome, Rejected, Unreadable
from lmkit.text.document_parts import parts, segmented

TEXT = "It rains. It pours.\n\nThe old man is snoring. He went to bed."


def document(text: str = TEXT, **metadata: object) -> Document:
    return Document("a", text, "s", {"title": "Rain", **metadata})


def test_parts_refer_to_one_another_and_have_the_metadata_of_the_document() -> None:
    (first, second) = segmented([document()], None, 40)
    assert isinstance(first, Document) and isinstance(second, Document)
    assert (first.id, second.id) == ("a#0", "a#1")
    assert first.metadata["title"] == second.metadata["title"] == "Rain"
    links = [first.metadata["part"], second.metadata["part"]]
    assert [link["number"] for link in links] == [0, 1]
    assert all(link["of"] == "a" and link["count"] == 2 for link in links)
    joined = first.text + links[0]["after"] + second.text + links[1]["after"]
    assert joined == TEXT and links[1]["start"] == TEXT.index(second.text)


def test_offsets_are_those_of_the_part() -> None:
    for found in segmented([document()], "offsets", 40):
        assert isinstance(found, Document)
        spans = found.metadata["sentences"]
        assert [found.text[a:b][-1] for a, b in spans] == ["."] * len(spans)
        assert " ".join(found.text[a:b] for a, b in spans).split() == found.text.split()


def test_lines_replace_the_text() -> None:
    (found,) = segmented([document()], "lines", None)
    assert isinstance(found, Document)
    assert found.text == "It rains.\nIt pours.\n\nThe old man is snoring.\nHe went to bed."


def test_other_outcomes_are_unchanged() -> None:
    others: list[Outcome] = [Rejected(document(), "why"), Unreadable("s", "o", 0, 0, "why")]
    assert list(segmented(others, "offsets", 5)) == others


def test_the_language_of_the_document_decides() -> None:
    text = "Sie kam z. B. Montag. Er nicht."
    (german,) = segmented([document(text, language="de-DE")], "offsets", None)
    assert isinstance(german, Document)
    assert german.metadata["sentences"] == [[0, 21], [22, 31]]


TEXTS = st.text(alphabet="abC .!?\n\u0301\u200d😀你。\t", max_size=200)


@example("  ", 1)
@given(TEXTS, st.integers(1, 40))
def test_the_parts_joined_give_the_text_and_none_is_too_long(
    text: str, max_characters: int
) -> None:
    found = parts(text, max_characters)
    assert "".join(part.text + part.after for part in found) == text
    lead = len(text) - len(text.lstrip())
    for number, part in enumerate(found):
        assert len(part.text) <= max_characters + (0 if number or not text.strip() else lead)
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


def test_a_text_that_fits_is_unchanged() -> None:
    text = "  Here. And there.\n\n"
    assert [(part.start, part.text, part.after) for part in parts(text, 20)] == [(0, text, "")]


def test_a_forced_split_keeps_accents_and_joined_emoji_together() -> None:
    accents = unicodedata.normalize("NFD", "é" * 50)
    family = "👨‍👩‍👧" * 20
    for text in (accents, family):
        for part in parts(text, 11):
            assert not unicodedata.combining(part.text[0]) and part.text[0] != "\u200d"
            assert part.text[-1] != "\u200d"
