import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.judge import Judge, Verdict
from lmkit.filters.options import FiltersConfig
from tests.conftest import prose

ALL = "basic,gopher,c4-paper,fineweb,markup,source-code"


def verdict(text: str, rules: str, **limits: Any) -> Verdict:
    filters = FiltersConfig.model_validate({"preset": "none", "rules": rules, **limits})
    return Judge(filters).judge([text]).verdicts[0]


X30, X40 = "x" * 30, "x" * 40
FATHER = "I am groot.\n\nYou are a wizard.\n\nI am your father.\n\n"


# The cases of datatrove's tests/pipeline/filters/test_filters.py for these filters.
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I am your father.\n" * 4, "gopher.duplicate_lines"),
        ("I am your father.\n\n" * 4, "gopher.duplicate_paragraphs"),
        (FATHER + f"{X30}.\n\n" * 2, "gopher.duplicate_paragraph_characters"),
        (FATHER.replace("\n\n", "\n") + f"{X40}.\n" * 2, "gopher.duplicate_line_characters"),
        ("I am Frank, I am Frank, I am Frank", "gopher.top_2gram_fraction"),
        (
            "I am Frank, you are Jhon. I am Frank. I am Frank you are Jhon",
            "gopher.top_3gram_fraction",
        ),
        ("I am a solo traveller " * 4 + prose(3)[2][:220], "gopher.duplicate_5gram_fraction"),
        (prose(1)[0], None),
    ],
)
def test_repetition_is_judged_as_by_datatrove(text: str, reason: str | None) -> None:
    assert verdict(text, "gopher-repetition").reason == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I am too small...", "gopher.min_words"),
        ("I am " * 20, "gopher.min_mean_word_length"),
        ("interconnection " * 20, "gopher.max_mean_word_length"),
        ("# comment " * 20, "gopher.hash_ratio"),
        ("... comment " * 20, "gopher.ellipsis_ratio"),
        (
            "the ./!*?<><> apple <?////> orange  ++ interconnection !<>??? have" * 20,
            "gopher.alphabetic_words",
        ),
        ("many more words stand here without any stop in sight " * 3, "gopher.stop_words"),
        ("the woman and the children have rested on a very old bench " * 3, None),
        ("the cat sat with me\n" * 4 + "- of words \n" * 60, "gopher.bullet_lines"),
    ],
)
def test_quality_is_judged_as_by_datatrove(text: str, reason: str | None) -> None:
    limits = {"min_words": 10, "max_words": 1000}
    assert verdict(text, "gopher-quality", gopher=limits).reason == reason


LINES = [f"This is line {n} of a text that is good." for n in "abcdef"]


def test_c4_cuts_lines_and_drops_documents_as_datatrove() -> None:
    kept = verdict("\n".join([*LINES, "This line uses cookies.", "no end"]), "c4-paper")
    assert kept == Verdict(None, None, "\n".join(LINES))
    assert verdict("Just one sentence.", "c4-paper").decided == "c4.sentences 1 < 5"
    dropped = verdict("\n".join([*LINES, "Lorem ipsum dolor sit."]), "c4-paper")
    assert dropped.decided == "c4.lorem_ipsum_lines 1 > 0"
    assert verdict("\n".join([*LINES, "if (x) { return.\n"]), "c4-paper").reason == (
        "c4.curly_bracket_lines"
    )
    uncut = verdict("\n".join([*LINES, "no end"]), "c4-paper", c4={"cut_lines": False})
    assert uncut.text.endswith("no end")


def test_fineweb_is_judged_as_by_datatrove() -> None:
    assert verdict("a line with no end\n" * 3, "fineweb").reason == "fineweb.ended_lines"
    assert verdict("short.\nx.\ny.\nz.", "fineweb").reason == "fineweb.short_lines"
    long = "a line that is longer than thirty characters."
    assert verdict(f"{long}\n{long}", "fineweb").reason == "fineweb.repeated_line_characters"
    broken = "\n".join(f"{letter * 31}." for letter in "abcd")  # 3 line feeds, 8 words
    assert verdict(broken, "fineweb").reason == "fineweb.line_feeds_per_word"
    assert verdict(long, "fineweb").reason is None


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("", ["empty"] * 4),
        (" \n\x1f", ["empty"] * 4),
        ("word", ["gopher.min_words", None, "c4.sentences", "fineweb.ended_lines"]),
        (
            "two words",
            [
                "gopher.min_words",
                "gopher.top_2gram_fraction",
                "c4.sentences",
                "fineweb.ended_lines",
            ],
        ),
    ],
)
def test_texts_of_at_most_two_words_have_verdicts(text: str, reasons: list[str | None]) -> None:
    sets = ("gopher-quality", "gopher-repetition", "c4-paper", "fineweb")
    assert [verdict(text, rules).reason for rules in sets] == reasons


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=80), max_size=5))
def test_no_text_raises(texts: list[str]) -> None:
    filters = FiltersConfig.model_validate({"rules": ALL})
    judged = Judge(filters).judge(texts)
    alone = [Judge(filters).judge([text]).verdicts[0] for text in texts[:2]]
    assert alone == judged.verdicts[:2]
    assert len(judged.verdicts) == len(texts)


@pytest.mark.parametrize(
    "part", ["!", "a.", "<a", "[[", "\n", "{", "&", "''", "[1", "x ", "=", "\r"]
)
def test_adversarial_texts_take_no_longer_than_others(part: str) -> None:
    filters = FiltersConfig.model_validate({"rules": ALL})
    assert len(Judge(filters).judge([part * 100_000 + "x"]).verdicts) == 1


def test_a_limit_that_is_off_drops_nothing() -> None:
    off = verdict("word", "gopher-quality", gopher={"min_words": None})
    assert off.reason == "gopher.stop_words"
    assert verdict("word", "gopher-quality", gopher={"min_words": 0, "min_stop_words": 0}) == (
        Verdict(None, None, "word")
    )


def test_signals_that_no_limit_needs_are_not_computed() -> None:
    assert not Judge(FiltersConfig(preset="none")).judge(["some text", ""]).signals
    assert [
        one.reason for one in Judge(FiltersConfig(preset="none")).judge(["x", " "]).verdicts
    ] == [
        None,
        "empty",
    ]
    filters = FiltersConfig.model_validate({"min_characters": None})
    assert set(Judge(filters).judge(["some text"]).signals) == {"characters", "letters", "repeats"}


def test_the_default_rules_do_not_load_the_others() -> None:
    code = """
import sys
from lmkit.filters.options import FiltersConfig
from lmkit.filters.judge import Judge
assert Judge(FiltersConfig()).judge(["too short"]).verdicts[0].reason == "too_short"
assert not {"pyarrow", "lmkit.filters.word_signals"} & {*sys.modules}
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("text", ["\u200b" * 200, "\u00ad\n\ufeff", "\u2060 \u200e", "\x00"])
@pytest.mark.parametrize("rules", ["", "basic", "gopher,c4-paper,fineweb"])
def test_a_document_without_a_visible_character_is_empty(text: str, rules: str) -> None:
    assert verdict(text, rules).reason == "empty"
