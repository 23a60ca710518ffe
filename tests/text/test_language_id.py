# ruff: noqa: RUF001 (these letters are intended)
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.language_id import SAMPLES, identifier_for_process, samples
from tests.conftest import prose

GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren. " * 3
SENTENCES = [
    GERMAN,
    "All human beings are born free and equal in dignity and rights.",
    "TOUS LES ÊTRES HUMAINS NAISSENT LIBRES ET ÉGAUX EN DIGNITÉ.",
    "人人生而自由,在尊严和权利上一律平等。",
    "すべての人間は、生まれながらにして自由であり",
    "Все люди рождаются свободными и равными",
    "Sva ljudska bića rađaju se slobodna",
    "Сва људска бића рађају се слободна",
    "12 34 56",
    "x",
    "",
]


@pytest.fixture(scope="module")
def peer() -> Any:
    """py3langid's own arithmetic, which takes one text at a time."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def test_the_probabilities_are_those_of_py3langid(peer: Any) -> None:
    identifier = identifier_for_process()
    rows = identifier.probabilities(SENTENCES)
    assert identifier.languages == peer.labels
    for text, row in zip(SENTENCES, rows, strict=True):
        ranks = dict(peer.rank(text))
        if not row.any():  # no features: every language is equally probable
            assert max(ranks.values()) < 0.02
            continue
        assert row.tolist() == pytest.approx([ranks[n] for n in identifier.languages], abs=1e-4)
    labels = [identifier.label(row)[0] for row in rows]
    assert labels[:6] == ["de", "en", "fr", "zh", "ja", "ru"]
    assert labels[-1] == "und"


def test_a_text_gets_the_same_probabilities_in_any_batch() -> None:
    identifier = identifier_for_process()
    together = identifier.probabilities(SENTENCES * 60)
    alone = np.concatenate([identifier.probabilities([text]) for text in SENTENCES])
    np.testing.assert_allclose(together[: len(SENTENCES)], alone, atol=1e-6)
    np.testing.assert_array_equal(together[-len(SENTENCES) :], together[: len(SENTENCES)])


def test_a_long_text_is_judged_by_several_samples() -> None:
    english = " ".join(prose(40))
    identifier = identifier_for_process()
    label, score = identifier.label(identifier.probabilities([english])[0])
    assert (label, score > 0.9) == ("en", True)
    row = identifier.probabilities([english + GERMAN * (len(english) // len(GERMAN))])[0]
    halves = [row[identifier.languages.index(code)] for code in ("en", "de")]
    assert all(0.3 < half < 0.7 for half in halves), halves
    assert len(samples(english)) == SAMPLES
    assert {len(samples("x" * size)) for size in (0, 1, 200)} == {1}
    assert samples("a" * 200 + "b" * 200) == ["a" * 200, "b" * 200]


def test_the_declaration_is_identified_in_every_language(corpora: Path) -> None:
    # Serbian, Croatian and Bosnian count as one; the benchmark reports them separately too.
    from tests.benchmarks import languages as benchmark

    identifier = identifier_for_process()
    complete, parts = [], []
    for _, code, text in benchmark.declarations():
        if code in identifier.languages:
            pieces = benchmark.pieces(text, 10)
            found = [identifier.label(row)[0] for row in identifier.probabilities([text, *pieces])]
            same = [benchmark.ONE.get(one, one) == benchmark.ONE.get(code, code) for one in found]
            complete.append(same[0])
            parts += same[1:]
    assert len(complete) > 110
    assert sum(complete) / len(complete) >= 0.97
    assert sum(parts) / len(parts) >= 0.90


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=50), max_size=4))
def test_no_text_makes_it_raise(texts: list[str]) -> None:
    rows = identifier_for_process().probabilities(texts)
    assert rows.shape[0] == len(texts)
    assert all(abs(total - 1) < 1e-3 or total == 0 for total in rows.sum(axis=1).tolist())
