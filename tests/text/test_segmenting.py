from lmkit.artifacts.documents import Document, Outcome, Rejected, Unreadable
from lmkit.text.segmenting import segmented

TEXT = "It rains. It pours.\n\nThe old man is snoring. He went to bed."


def document(text: str = TEXT, **metadata: object) -> Document:
    return Document("a", text, "s", {"title": "Rain", **metadata})


def test_parts_know_one_another_and_what_the_whole_knew() -> None:
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


def test_what_is_no_document_passes_by() -> None:
    others: list[Outcome] = [Rejected(document(), "why"), Unreadable("s", "o", 0, 0, "why")]
    assert list(segmented(others, "offsets", 5)) == others


def test_the_language_of_the_document_decides() -> None:
    text = "Sie kam z. B. Montag. Er nicht."
    (german,) = segmented([document(text, language="de-DE")], "offsets", None)
    assert isinstance(german, Document)
    assert german.metadata["sentences"] == [[0, 21], [22, 31]]
