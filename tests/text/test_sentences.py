# ruff: noqa: RUF001 (these characters are intended)
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.sentences import blocks, one_per_line, sentences

HERE = Path(__file__).parent
LETTERS = st.text(alphabet="aB .!?\n\"'“”«»(1)-…。你", max_size=80)


def annotated(name: str) -> list[list[str]]:
    """The paragraphs of a file, each as the sentences that a person annotated in it."""
    blocks = (HERE / name).read_text("utf-8").strip().split("\n\n")
    return [block.split("\n") for block in blocks if not block.startswith("#")]


def spans_of(parts: list[str]) -> set[tuple[int, int]]:
    spans: set[tuple[int, int]] = set()
    start = 0
    for part in parts:
        spans.add((start, start + len(part)))
        start += len(part) + 1
    return spans


def f1(name: str, language: str | None) -> float:
    """The harmonic mean of precision and recall of sentences with both ends correct."""
    right = found = expected = 0
    for paragraph in annotated(name):
        truth = spans_of(paragraph)
        found_spans = set(sentences(" ".join(paragraph), language))
        right, found, expected = (
            right + len(truth & found_spans),
            found + len(found_spans),
            expected + len(truth),
        )
    return 2 * right / (found + expected)


@pytest.mark.parametrize(
    ("name", "language", "minimum", "count"),
    [
        ("sentences_english.txt", "en", 0.95, 300),
        ("sentences_english_unseen.txt", "en", 0.95, 100),
        ("sentences_german.txt", "de", 0.85, 25),
    ],
)
def test_nearly_all_sentences_are_those_that_a_person_annotated(
    name: str, language: str, minimum: float, count: int
) -> None:
    assert sum(map(len, annotated(name))) >= count
    assert f1(name, language) >= minimum


def test_each_language_has_its_abbreviations() -> None:
    text = "Er kam z. B. am Montag, d. h. morgens. Dann ging er."
    assert [text[a:b] for a, b in sentences(text, "de")] == [
        "Er kam z. B. am Montag, d. h. morgens.",
        "Dann ging er.",
    ]


def test_scripts_without_spaces_have_sentences_too() -> None:
    text = "他说“你好。”然后走了。我也走了。"
    found = [text[a:b] for a, b in sentences(text, "zh")]
    assert found[-1] == "我也走了。" and "".join(found) == text
    text = "यह पहला वाक्य है। यह दूसरा है।"
    assert len(sentences(text, "hi")) == 2


def test_lines_that_were_wrapped_at_a_width_are_joined() -> None:
    wrapped = "It was the best of times, it was the worst of\ntimes. We had everything before us."
    assert [wrapped[a:b] for a, b in sentences(wrapped)] == [
        "It was the best of times, it was the worst of\ntimes.",
        "We had everything before us.",
    ]
    verse = "Home\nAbout us\nNews"
    assert [verse[a:b] for a, b in sentences(verse)] == verse.split("\n")
    assert one_per_line(wrapped).split("\n")[0].endswith("the worst of times.")


def test_a_chat_in_lower_case_has_sentences() -> None:
    text = "hi there. how are you? fine."
    assert [text[a:b] for a, b in sentences(text)] == ["hi there.", "how are you?", "fine."]


@given(LETTERS, st.sampled_from(["en", "de", "zh", None]))
def test_between_sentences_there_is_nothing_but_white_space(text: str, language: str) -> None:
    position = 0
    for start, stop in sentences(text, language):
        assert start < stop and not text[position:start].strip()
        assert text[start:stop] == text[start:stop].strip()
        position = stop
    assert not text[position:].strip()


@given(LETTERS)
def test_one_sentence_per_line_keeps_every_visible_character(text: str) -> None:
    assert "".join(one_per_line(text).split()) == "".join(text.split())


@given(st.text(max_size=60))
def test_any_text_can_be_split(text: str) -> None:
    covered = "".join(text[a:b] for a, b in sentences(text))
    assert "".join(covered.split()) == "".join(text.split())
    assert all(text[a:b].strip() for a, b in blocks(text))


def test_long_texts_are_split_as_short_ones_are() -> None:
    """A window moves over them: their sentences are the same at any offset."""
    short = "Mr. Smith (who was late) came in. “Is it 3.15 p.m.?” he asked. Nobody knew!"
    alone = [short[a:b] for a, b in sentences(short)]
    text = " ".join([short] * 400)
    assert [text[a:b] for a, b in sentences(text)] == alone * 400
    chinese = "你好。我很好。" * 2_000
    assert len(sentences(chinese, "zh")) == 4_000


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "zh",
            [
                "他说：“我不去。”",
                "然后走了。",
                "她问：「你来吗？」",
                "价格是3.5元！",
                "真的？！",
                "好。",
            ],
        ),
        ("ja", ["「行かない。」と彼は言った。", "『本当？』", "彼女は笑った。", "気温は3.5度だ。"]),
        ("hi", ["वह घर गया।", "कोई नहीं बोला।", "डॉ. शर्मा आए।", "कीमत 3.5 रुपये है॥"]),
        ("ar", ["هل أنت هنا؟", "لم يجب أحد.", "قال: «نعم.»", "ثم خرج!"]),
        ("ur", ["وہ گھر گیا۔", "کیا تم یہاں ہو؟", "کوئی نہیں بولا۔"]),
        (
            "ru",
            ["Он сказал: «Я не пойду».", "В 1990 г. он жил на ул. Мира, т. е. рядом.", "Кто там?"],
        ),
        (
            "de",
            ["Er sagte: „Ich gehe nicht.“", "Dr. Maier kam am 3. Mai, z. B. mit dem Zug.", "So."],
        ),
        ("km", ["គាត់ទៅផ្ទះ។", "ភ្លៀងធ្លាក់។"]),
        ("my", ["သူအိမ်သို့သွားသည်။", "မိုးရွာသည်။"]),
    ],
)
def test_sentences_of_other_languages(language: str, expected: list[str]) -> None:
    text = ("" if language in {"zh", "ja"} else " ").join(expected)
    assert [text[start:stop] for start, stop in sentences(text, language)] == expected
