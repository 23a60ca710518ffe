# ruff: noqa: RUF001 (these characters are intended)
import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.normalization import MAYBE_NOT_NFC, normalize
from lmkit.text.options import NormalizationConfig


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("e\u0301", "é"),
        ("x²", "x²"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a \u00a0\tb  ", "a  \tb"),
        ("def f():\n    return 1\n\n\ndef g():\n", "def f():\n    return 1\n\n\ndef g():"),
        ("a\n\n\n\n\nb", "a\n\n\nb"),
        ("\ufeffa\x00b\x1b", "ab"),
        ("half \ud83d", "half \ufffd"),
        ("\n\n  a\n\n", "  a"),
    ],
)
def test_the_same_text_has_one_form(text: str, normal: str) -> None:
    assert normalize(text, NormalizationConfig()) == normal


def test_runs_of_spaces_can_be_collapsed() -> None:
    assert normalize("a   b\t\tc", NormalizationConfig(space="collapse")) == "a b c"


def test_each_rule_can_be_switched_off() -> None:
    off = NormalizationConfig.model_validate({"unicode": "none", "control": False, "space": "none"})
    assert normalize("e\u0301 \x00  ", off) == "e\u0301 \x00  "


@pytest.mark.parametrize("unicode", ["nfc", "nfkc", "none"])
@pytest.mark.parametrize("space", ["tidy", "collapse", "none"])
def test_normalization_is_idempotent(unicode: str, space: str) -> None:
    rules = NormalizationConfig.model_validate({"unicode": unicode, "space": space})
    text = "".join(map(chr, range(0xD800))) + "e\x01\u0301 \u00a8 \n\n \n\n x"
    once = normalize(text, rules)
    assert normalize(once, rules) == once


@given(
    st.text(st.sampled_from("a \t\n\r\x00\u00a0\u0301\u2028\u1100\u1161\u3000\u00a8"), max_size=20)
)
def test_normalization_is_idempotent_for_any_combination(text: str) -> None:
    for unicode in ("nfc", "nfkc"):
        for space in ("tidy", "collapse"):
            rules = NormalizationConfig(unicode=unicode, space=space)  # type: ignore[arg-type]
            once = normalize(text, rules)
            assert normalize(once, rules) == once


def test_a_long_run_of_spaces_takes_linear_time() -> None:
    assert normalize("a" + " " * 2_000_000 + "b", NormalizationConfig()).endswith("b")


def test_mojibake_from_the_wild_is_repaired(corpora: Path) -> None:
    """The cases of ftfy's own tests; `fixed-encoding` is what repair alone gives."""
    cases = json.loads((corpora / "filters" / "ftfy_in-the-wild.json").read_text("utf-8"))
    only = NormalizationConfig(
        unicode=None, control=False, space=None, invisible=None, ligatures=False
    )
    for case in cases:
        fixed = case.get("fixed-encoding", case["fixed"])
        assert normalize(case["original"], only) == fixed, case["label"]
    assert len(cases) == 70


@pytest.mark.parametrize(
    ("rules", "text", "normal"),
    [
        ({"entities": True}, "a &amp;amp; b &lt;", "a & b <"),
        ({"quotes": "straight"}, "\u201cIt\u2019s\u201d", '"It\'s"'),
        ({"dashes": "hyphen"}, "1914\u20131918 \u2014 \u22121", "1914-1918 - -1"),
        ({"lowercase": True}, "\u00c9T\u00c9", "\u00e9t\u00e9"),
        ({"accents": "strip"}, "\u00e9t\u00e9 na\u00efve \u00d8", "ete naive \u00d8"),
        ({"mojibake": False}, "caf\u00c3\u00a9", "caf\u00c3\u00a9"),
    ],
)
def test_each_rule_has_its_effect(rules: dict[str, object], text: str, normal: str) -> None:
    assert normalize(text, NormalizationConfig.model_validate(rules)) == normal


@given(st.text(max_size=60), st.booleans(), st.booleans())
def test_all_rules_together_are_idempotent_and_never_raise(
    text: str, lower: bool, more: bool
) -> None:
    rules = NormalizationConfig(
        entities=more,
        quotes="straight" if more else None,
        dashes="hyphen" if more else None,
        lowercase=lower,
        accents="strip" if lower else None,
    )
    once = normalize(text, rules)
    assert normalize(once, rules) == once
    encoded = text.encode("utf-8", "replace").decode("cp1252", "replace")
    once = normalize(encoded, rules)
    assert normalize(once, rules) == once


@pytest.mark.parametrize(
    ("text", "normal", "counted"),
    [
        ("Leucht\u00adtür\u00adme", "Leuchttürme", {"removed_soft_hyphens": 2}),
        ("маяк\u2060и", "маяки", {"removed_word_joiners": 1}),
        ("a\ufeffb", "ab", {"removed_byte_order_marks": 1}),
        ("wo\u200brd", "word", {"removed_zero_width_spaces": 1}),
        ("คำ\u200bไทย", "คำ\u200bไทย", {}),
        ("می\u200cخواهم", "می\u200cخواهم", {}),
        ("\ufb01nd mc² o\ufb03ce", "find mc² office", {"expanded_ligatures": 2}),
        ("\ufefbn \ufeee", "\u0644\u0627n \u0648", {"expanded_ligatures": 2}),
        ("cora\u00c3\u00ad", "coraí", {}),  # an í that was decoded with the wrong charset
        ("plain", "plain", {}),
    ],
)
def test_invisible_characters_and_ligatures_are_removed_and_counted(
    text: str, normal: str, counted: dict[str, int]
) -> None:
    counts = Counter[str]()
    assert normalize(text, NormalizationConfig(), counts) == normal
    assert counts == counted
    counts.clear()
    assert normalize(normal, NormalizationConfig(), counts) == normal
    assert not counts


def test_invisible_characters_are_kept_or_all_removed_if_asked_for() -> None:
    text = "Leucht\u00adturm می\u200cخواهم \ufb01 ❤\ufe0f א\u200f คำ\u200bไทย"
    kept = NormalizationConfig(invisible=None, ligatures=False)
    assert normalize(text, kept) == text
    bare = "Leuchtturm میخواهم fi ❤ א คำ\u200bไทย"
    assert normalize(text, NormalizationConfig(invisible="all")) == bare


def test_nfc_changes_no_character_that_counts_as_common() -> None:
    """Those are neither changed, nor reordered, nor joined to the character before."""
    common = [c for c in map(chr, range(0x110000)) if not MAYBE_NOT_NFC.match(c)]
    decomposed = (unicodedata.decomposition(chr(code)).split() for code in range(0x110000))
    joined = {
        chr(int(parts[1], 16)) for parts in decomposed if len(parts) == 2 and "<" not in parts[0]
    }
    joined |= {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A7, 0x11C3))}
    assert len(common) > 20_000
    assert not joined.intersection(common)
    assert all(unicodedata.combining(c) == 0 for c in common)
    assert all(unicodedata.normalize("NFC", c) == c for c in common)
