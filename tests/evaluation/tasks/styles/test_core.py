from random import Random

import pytest

from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.styles.core import CORE, ByDifference
from lmkit.evaluation.tasks.styles.task_style import ExamplePool
from lmkit.evaluation.tasks.task_settings import TaskSettings


def prompts(items: list[Item], **settings: object) -> list[tuple[Request, ...]]:
    found = TaskSettings.model_validate(settings)
    return [*CORE.prompts(items, ExamplePool(items, is_own=True), found)]


def divided(requests: list[Request]) -> list[tuple[str, str]]:
    """The characters that are read and predicted, where each is a token."""
    division = ByDifference()
    known = {text: tuple(map(ord, text)) for text in division.texts(requests)}
    found = division.divide(requests, known)
    return [("".join(map(chr, each.before)), "".join(map(chr, each.targets))) for each in found]


def test_items_are_shuffled_as_nanochat_does() -> None:
    items = [Item(n, ("q",), ("a", "b"), 0) for n in range(20)]
    expected = list(range(20))
    Random(1337).shuffle(expected)
    assert [item.line for item in CORE.ordered(items)] == expected


@pytest.mark.parametrize(("number", "drawn"), [(0, [4, 1]), (1, [4, 3]), (2, [4, 3])])
def test_each_item_has_a_generator_of_its_own(number: int, drawn: list[int]) -> None:
    items = [Item(n, (f"q{n}",), ("a", "b"), 0) for n in range(5)]
    before = "".join(f"q{n} a\n\n" for n in drawn)
    assert prompts(items, shots=2)[number][1] == Request(f"{before}q{number} ", "b")


def test_choices_are_compared_after_their_common_tokens() -> None:
    requests = [Request("Q: ", "one two"), Request("Q: ", "one three")]
    assert divided(requests) == [("Q: one t", "wo"), ("Q: one t", "hree")]


def test_a_choice_that_begins_another_is_compared_by_its_last_token() -> None:
    assert divided([Request("Q ", "ab"), Request("Q ", "abc")]) == [("Q a", "b"), ("Q a", "bc")]


def test_schemas_are_compared_on_their_common_end() -> None:
    requests = [Request("so Sarah ", "got it"), Request("so Marie ", "got it")]
    assert divided(requests) == [("so Sarah", " got it"), ("so Marie", " got it")]


def test_a_completion_follows_its_context_without_white_space() -> None:
    content = CORE.rendered(Options((" In my ",), ("palm",)), TaskSettings())
    ((request,),) = prompts([Item(1, *content)])
    assert request == Request("In my ", "palm")
    assert divided([request]) == [("In my", " palm")]


def test_white_space_of_a_question_is_kept() -> None:
    content = CORE.rendered(Options(("Question: Why?\n",), ("a", "b")), TaskSettings())
    assert content.contexts == ("Question: Why?\n\nAnswer:",)
    typed = TaskSettings(delimiter="\nAnswer: ")
    assert CORE.rendered(Options(("Question: Why?",), ("a", "b")), typed).contexts[0][-1] == "?"


def test_a_token_precedes_every_text_and_the_last_one_fits_into_the_model() -> None:
    assert ByDifference().always_begins and ByDifference().room(8, 2) == 8
