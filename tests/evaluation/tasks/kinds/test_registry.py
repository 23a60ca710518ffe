import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.kinds.registry import KINDS, kind_named, kind_of_record
from lmkit.evaluation.tasks.record_fields import RecordFields


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("sentence_good", "sentence_bad", "field"), "pair"),
        (("query", "choices", "gold"), "choice"),
        (("context_options", "continuation", "gold"), "schema"),
        (("context", "continuation"), "completion"),
        (("text", "id"), "text"),
    ],
)
def test_the_fields_of_a_record_give_its_kind(names: tuple[str, ...], kind: str) -> None:
    assert kind_of_record(RecordFields(dict.fromkeys(names), "f")).name == kind


def test_a_record_of_no_kind_is_an_error_that_lists_the_kinds() -> None:
    with pytest.raises(InputError) as error:
        kind_of_record(RecordFields({"a": 1, "b": 2}, "f: line 1"))
    assert str(error.value).startswith("f: line 1: holds a, b, must have the fields of a kind")
    assert "pair: sentence_good, sentence_bad" in str(error.value)


def test_kinds_have_names_of_their_own() -> None:
    assert [kind_named(kind.name) for kind in KINDS] == [*KINDS]
    assert kind_named("nothing") is None
