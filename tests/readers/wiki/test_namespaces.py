"""Names of namespaces: those of the dump, of English and of older days."""

import pytest

from lmkit.readers.wiki.namespaces import FILE, Site, namespace_names

# Namespace 6 and 14 of wikis: https://www.mediawiki.org/wiki/Help:Namespaces
WIKIS = {
    "ka": ("ფაილი", "კატეგორია"),
    "am": ("ስዕል", "መደብ"),
    "km": ("ឯកសារ", "ចំណាត់ថ្នាក់ក្រុម"),
    "cy": ("Delwedd", "Categori"),
    "hy": ("Պատկեր", "Կատեգորիա"),
}


@pytest.mark.parametrize("language", WIKIS)
def test_pictures_and_categories_of_any_wiki_are_hidden(language: str) -> None:
    file, category = WIKIS[language]
    site = Site(language, "", {0: "", FILE: file, 14: category})
    for name in (file, category, "File", "Image", "category", f" {file.lower()} ", file.upper()):
        assert site.is_hidden(f"{name}:A b.jpg", "a|caption"), name
    assert not site.is_hidden(f":{file}:A.jpg", None)
    assert not site.is_hidden("Imagen:x", None)  # a name in Spanish only


def test_underscores_are_blanks_and_aliases_are_of_the_language() -> None:
    vietnamese = Site("vi", "", {FILE: "Tập tin", 14: "Thể loại"})
    assert vietnamese.is_hidden("tập_tin:a.jpg", None)
    assert vietnamese.is_hidden("Hình:a", "nhỏ")
    assert not Site("en", "", {FILE: "File", 14: "Category"}).is_hidden("Bild: a film", None)


@pytest.mark.parametrize(
    ("target", "parameters", "hidden"),
    [
        ("fr:Paris", None, True),
        ("zh-yue:巴黎", None, True),
        ("re:publica", None, False),
        ("fr:Paris", "Paris", False),
        (":fr:Paris", None, False),
        ("wikt:lamp", None, False),
        ("Media:a.ogg", "Listen", False),
        ("Media:a.ogg", None, True),
        ("Ficheer:A.jpg", "thumb|x", True),  # it ends like a picture
        ("commons:File:A.jpg", "x", False),
        ("2001: A Space Odyssey", None, False),
        ("no prefix", None, False),
    ],
)
def test_other_prefixes(target: str, parameters: str | None, hidden: bool) -> None:
    site = Site("en", "", {FILE: "File", 14: "Category"})
    assert site.is_hidden(target, parameters) is hidden


def test_namespaces_are_chosen_by_number_or_name() -> None:
    site = Site("de", "", namespace_names('<namespace key="4" case="x">Wikipedia</namespace>'))
    assert site.chosen(("0", "wikipedia", "Template")) == ({0, 4, 10}, [])
    assert site.chosen(("Portal", "-2")) == ({-2}, ["Portal"])
