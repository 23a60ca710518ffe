from typing import Any

import pytest

from lmkit.artifacts.documents_file import Document
from lmkit.filters.language_label import LanguageLabeller

GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund und geht dann nach Hause."


def labelled(text: str, **metadata: Any) -> dict[str, Any]:
    (document,), _ = LanguageLabeller(["all"]).label([Document("0", text, "s", metadata)])
    return document.metadata


def test_a_document_gets_a_label_and_its_score() -> None:
    metadata = labelled(GERMAN, title="Fuchs")
    assert metadata.pop("language_score") > 0.9
    assert metadata == {"title": "Fuchs", "language": "de"}


def test_a_stated_language_that_is_not_confirmed_is_kept() -> None:
    assert labelled(GERMAN, language="en-US")["stated_language"] == "en-US"
    assert labelled(GERMAN, language="de_AT").keys() == {"language", "language_score"}
    assert labelled("", language="de")["language"] == "und"
    again = labelled(GERMAN, language="de", stated_language="en")
    assert again["stated_language"] == "en"


def test_the_probabilities_of_several_requested_languages_are_summed() -> None:
    documents = [Document("0", "Alle mennesker er født frie og med samme verdighet.", "s")]
    numbers = [
        LanguageLabeller(codes).label(documents)[1] for codes in (["no"], ["da"], ["no", "da"])
    ]
    one, other, both = (float(found["language.wanted"][0]) for found in numbers)
    assert both == pytest.approx(one + other, abs=2e-4)
    assert "language.wanted" not in LanguageLabeller(["all"]).label(documents)[1]
