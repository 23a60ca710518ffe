import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.kinds.pair import PAIR
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.record_fields import RecordFields


def test_the_good_sentence_is_the_right_one_and_neither_has_a_context() -> None:
    record = {"sentence_good": "Who hugs?", "sentence_bad": "Hugs who?", "pairID": "0"}
    assert PAIR.read(RecordFields(record, "f")) == Options(("",), ("Who hugs?", "Hugs who?"), 0)


def test_an_empty_sentence_is_an_error() -> None:
    with pytest.raises(InputError, match="sentence_bad: is empty"):
        PAIR.read(RecordFields({"sentence_good": "a", "sentence_bad": ""}, "f"))
