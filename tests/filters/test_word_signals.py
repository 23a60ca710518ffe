import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.filters.c4_lines import LineRules, count_sentences, judge_line
from lmkit.filters.chunk_table import STOP_WORDS, ChunkTable
from lmkit.filters.english_tokenizer import english_words
from lmkit.filters.punctuation import PUNCTUATION
from lmkit.filters.word_signals import WordSignals
from tests.conftest import prose

RULES = LineRules(3, ".?!\"'", False)
PIECES = [
    "the",
    "of",
    "The",
    "cat",
    "sat.",
    "mat!",
    "...",
    "\u2022",
    "-",
    "don't",
    "#",
    "\u2026",
    '"So',
    "x[",
    "{",
    "[3]",
    "lorem",
    "ipsum",
    "javascript",
    "cookie",
    "policy",
    "\xa0",
    "\x1f",
    "?!",
    "'",
    " ",
    " ",
    " ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\u2028",
    "\ud55c",
    "(a):",
]
Texts = st.lists(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join), min_size=1)


def literally(text: str) -> dict[str, float]:
    """Gopher's quality signals and C4's, as datatrove 0.10.1 implements the papers."""
    words = [word for chunk in text.split() for word in english_words(chunk)]
    solid = [word for word in words if any(c not in PUNCTUATION for c in word)]
    lines = text.splitlines()
    sentences, line_verdicts = 0, []
    for line in lines:
        line_verdict, left = judge_line(line.strip(), RULES)
        line_verdicts.append(line_verdict)
        sentences += count_sentences(left, ChunkTable()) if line_verdict == "keep" else 0
    curly = (
        line_verdicts.index("curly_bracket")
        if "curly_bracket" in line_verdicts
        else len(line_verdicts)
    )
    ratio = 1 / len(words)
    return {
        "gopher.words": len(solid),
        "gopher.mean_word_length": sum(map(len, solid)) / len(solid) if solid else 0,
        "gopher.hash_ratio": text.count("#") * ratio,
        "gopher.ellipsis_ratio": (text.count("...") + text.count("…")) * ratio,
        "gopher.bullet_lines": sum(x.lstrip().startswith(("•", "-")) for x in lines) / len(lines),
        "gopher.ellipsis_lines": sum(x.rstrip().endswith(("...", "…")) for x in lines) / len(lines),
        "gopher.alphabetic_words": sum(any(map(str.isalpha, w)) for w in words) * ratio,
        "gopher.stop_words": len(set(words) & set(STOP_WORDS)),
        "fineweb.line_feeds_per_word": text.count("\n") * ratio,
        "c4.lorem_ipsum_lines": line_verdicts[:curly].count("lorem_ipsum"),
        "c4.curly_bracket_lines": line_verdicts.count("curly_bracket"),
        "c4.sentences": sentences,
    }


def check(texts: list[str]) -> None:
    signals = WordSignals(c4=RULES).measure(texts)
    for at, text in enumerate(texts):
        expected = literally(text)
        found = {name: signals.columns[name][at].item() for name in expected}
        assert found == pytest.approx(expected), text
        left = [judge_line(line.strip(), RULES) for line in text.splitlines()]
        assert signals.kept_lines[at] == [
            line for line_verdict, line in left if line_verdict == "keep"
        ]


@given(Texts)
def test_signals_of_batches_agree_with_a_literal_implementation(texts: list[str]) -> None:
    if solid := [text for text in texts if text.strip()]:
        check(solid)


def test_signals_of_real_text_agree_with_a_literal_implementation() -> None:
    check([text.replace(". ", ".\n") for text in prose(30)])


def test_cached_chunks_change_nothing() -> None:
    texts = prose(20)
    measurer = WordSignals(c4=RULES)
    for text in reversed(texts):
        measurer.measure([text])
    again, without_cache = measurer.measure(texts), WordSignals(c4=RULES).measure(texts)
    assert all(
        (again.columns[name] == without_cache.columns[name]).all() for name in without_cache.columns
    )
