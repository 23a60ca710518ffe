"""Arguments of templates."""

from lmkit.readers.wiki.template_arguments import arguments_of, numbered


def test_names_and_numbers() -> None:
    found = arguments_of([" a ", "2 = b ", "имя=c=d", "<i x='y'>e</i>", ""])
    assert found == {"1": " a ", "2": "<i x='y'>e</i>", "имя": "c=d", "3": ""}
    assert numbered(found) == [" a ", "<i x='y'>e</i>"]
