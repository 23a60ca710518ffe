from lmkit.evaluation.tasks.item import Request
from lmkit.evaluation.tasks.token_division import Apart, Together, without_blanks

KNOWN = {"Q:": (1, 2), "Q: yes": (1, 2, 3), " yes": (4,), "un": (5,), "unable": (6, 7)}


def test_white_space_at_the_end_of_a_context_belongs_to_the_continuation() -> None:
    assert without_blanks(Request("Q: \n", "yes")) == ("Q:", " \nyes")


def test_texts_are_encoded_together_and_divided_after_the_contexts_tokens() -> None:
    requests = [Request("Q: ", "yes")]
    assert set(Together().texts(requests)) == {"Q:", "Q: yes"}
    assert Together().divide(requests, KNOWN) == [((1, 2), (3,), False)]
    assert Together().divide([Request("un", "able")], KNOWN) == [((5,), (7,), True)]


def test_texts_may_be_encoded_apart() -> None:
    requests = [Request("Q: ", "yes")]
    assert set(Apart().texts(requests)) == {"Q:", " yes"}
    assert Apart().divide(requests, KNOWN) == [((1, 2), (4,), False)]


def test_a_request_without_a_context_has_only_targets() -> None:
    for division in (Together(), Apart()):
        assert [*division.texts([Request("", " yes")])] == [" yes"]
        assert division.divide([Request("", " yes")], KNOWN) == [((), (4,), False)]


def test_of_a_request_that_is_encoded_together_the_last_target_is_not_read() -> None:
    assert (Together().room(8, 3), Apart().room(8, 3)) == (9, 11)
