from lmkit.storage.programming_languages import LANGUAGES


def test_headers_are_of_the_language_that_includes_them() -> None:
    assert (LANGUAGES[".h"], LANGUAGES[".hpp"], LANGUAGES[".py"]) == ("c", "c++", "python")
