# ruff: noqa: RUF001 (these characters are intended)
from collections import Counter
from typing import Any

import pytest

from lmkit.artifacts.documents_file import Document, Outcome, Rejected
from lmkit.filters.english_tokenizer import english_words
from lmkit.filters.judge import Judge
from lmkit.filters.options import FiltersConfig
from lmkit.filters.other_languages import (
    counting_other_languages,
    is_in_another_language,
    warning_text,
)

ZH = (
    "北方海角上的灯塔是在一百多年前建成的，石料全部来自岛上的采石场。守塔人一家每天傍晚爬上楼梯点灯，"
    "清晨再把灯熄灭，然后到村里买鱼和面包。\n后来灯改用电力，楼梯上便没有人了，只有夏天的游客偶尔上去看海。"
    "冬天的风很大，海浪常常打到窗户上，孩子们却最喜欢这样的夜晚。"
)
JA = (
    "北の岬に立つ灯台は、百年以上前に島の石で造られた。灯台守の家族は毎晩階段を上って灯りをともし、"
    "朝になると村へ下りて魚とパンを買った。\nやがて電気の灯りに変わり、階段を上る人はいなくなったが、"
    "夏には旅行者が海を眺めにやって来る。冬の風は強く、波が窓を打つこともある。"
)
TH = (
    "ประภาคารบนแหลมทางเหนือสร้างขึ้นเมื่อร้อยกว่าปีก่อนจากหินบนเกาะ ครอบครัวคนเฝ้าเดินขึ้นบันไดทุกเย็นเพื่อจุดไฟ\n"
    "ตอนเช้าเขาลงไปซื้อปลาและขนมปังที่หมู่บ้าน ต่อมาเปลี่ยนเป็นไฟฟ้า จึงไม่มีใครขึ้นบันไดอีก นอกจากนักท่องเที่ยว"
)
LIMITS: dict[str, Any] = {
    "min_stop_words": None,
    "min_mean_word_length": None,
    "max_mean_word_length": None,
}


@pytest.mark.parametrize("text", [ZH, JA, TH])
def test_articles_in_scripts_without_spaces_do_not_repeat_words(text: str) -> None:
    fineweb = {"min_ended_lines": None}  # Thai has no marks at the end of a sentence
    options = {"rules": "gopher,fineweb", "gopher": LIMITS, "fineweb": fineweb}
    judge = Judge(FiltersConfig.model_validate(options))
    judged = judge.judge([text])
    assert judged.verdicts[0].decided is None
    assert judged.signals["gopher.top_2gram_fraction"][0] < 0.1
    assert judged.signals["gopher.words"][0] > 90
    repeated = judge.judge([text.splitlines()[0] * 5]).verdicts[0]
    assert repeated.reason and repeated.reason.startswith("gopher.")


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        ("「灯塔」，在iPhone上。", "「 灯 塔 」 ， 在 iPhone 上 。"),
        ("ที่นี่", "ที่ นี่"),
        ("မြို့။", "မြို့ ။"),
        ("don't", "do n't"),
        ("café—naïve", "café — naïve"),
    ],
)
def test_words_of_a_chunk(chunk: str, words: str) -> None:
    assert list(english_words(chunk)) == words.split()


def test_the_language_is_that_of_the_metadata_else_of_the_script() -> None:
    def found(text: str, **metadata: Any) -> bool:
        return is_in_another_language(Document("a", text, "s", metadata))

    assert found(ZH) and found("Привет, World! Как дела?") and found("مرحبا")
    assert found("Guten Tag", language="de-AT") and not found(ZH, language="en_US")
    assert not found("Guten Tag") and not found("Hello – “world” of ελ") and not found("123 …")


def test_documents_in_other_languages_are_counted_and_warned_of() -> None:
    filters = FiltersConfig.model_validate({"rules": "gopher,fineweb"})
    zh, en = Document("a", ZH, "s"), Document("b", "Hello", "s")
    outcomes: list[Outcome] = [zh, en, Rejected(zh, "gopher.stop_words"), Rejected(zh, "too_short")]
    counts = Counter[str]()
    assert [*counting_other_languages(outcomes, filters, counts)] == outcomes
    text = warning_text(filters, counts)
    assert text and "3 documents that aren't in English" in text and "dropped 1 of them" in text
    assert "--filters.gopher.min-stop-words none" in text and "fineweb" in text
    assert "c4" not in text
    assert warning_text(filters, {}) is None
    counts.clear()
    assert [*counting_other_languages(outcomes, FiltersConfig(), counts)] == outcomes
    assert not counts
