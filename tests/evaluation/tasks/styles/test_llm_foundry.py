from random import Random

import pytest

from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.kinds.task_kind import Options
from lmkit.evaluation.tasks.styles.llm_foundry import LLM_FOUNDRY, ByParts
from lmkit.evaluation.tasks.styles.task_style import ExamplePool
from lmkit.evaluation.tasks.task_settings import TaskSettings

ARC = [
    Item(n + 1, (f"Question: {word}?\nAnswer:",), ("yes", word), n % 2)
    for n, word in enumerate("abcdef")
]


def prompts(items: list[Item], **settings: object) -> list[tuple[Request, ...]]:
    found = TaskSettings.model_validate({**LLM_FOUNDRY.defaults, **settings})
    return [*LLM_FOUNDRY.prompts(items, ExamplePool(items, is_own=True), found)]


def examples_of(size: int, shots: int) -> list[list[int]]:
    """The numbers that get_fewshot_sample_idxs returns, item after item, written out."""
    generator, found = Random(1234), list[list[int]]()
    for item in range(size):
        numbers = set(generator.sample(range(size), shots))
        if item in numbers:
            numbers.remove(item)
            while True:
                other = generator.choice(range(size))
                if other not in numbers and other != item:
                    break
            numbers.add(other)
        found.append(list(numbers))
    return found


def test_examples_question_and_answer_are_texts_of_their_own() -> None:
    for number, (item, drawn) in enumerate(zip(ARC, examples_of(6, 2), strict=True)):
        assert number not in drawn and len(set(drawn)) == 2
        solved = [f"{ARC[n].contexts[0]} {ARC[n].continuations[ARC[n].gold]}" for n in drawn]
        expected = Request(f"\n{item.contexts[0]}", "yes", "\n".join(solved))
        assert prompts(ARC, shots=2)[number][0] == expected


def test_a_description_is_followed_by_the_example_delimiter() -> None:
    (request, *_), *_ = prompts(ARC[:2], description="Answer.", shots=1)
    assert request == Request(f"\n{ARC[0].contexts[0]}", "yes", "Answer.\nQuestion: b?\nAnswer: b")


def test_a_question_loses_white_space_and_gets_its_answer() -> None:
    content = LLM_FOUNDRY.rendered(Options(("Question: Why?\n",), ("a ", "b")), TaskSettings())
    assert content == Options(("Question: Why?\nAnswer:",), ("a ", "b"))
    assert prompts([Item(1, *content)])[0][0] == Request("Question: Why?\nAnswer:", "a ", "")


def test_a_schema_has_a_delimiter_only_after_examples() -> None:
    items = [Item(n, (f"{n} Sarah", f"{n} Maria"), ("got",), 1) for n in range(2)]
    assert prompts(items)[0] == (Request("0 Sarah", "got"), Request("0 Maria", "got"))
    shown = prompts(items, shots=1, delimiter=" - ")[0]
    assert shown[0] == Request("\n0 Sarah -", "got", "1 Maria - got")


@pytest.mark.parametrize(("blank", "answer"), [((7,), (3,)), ((1, 2), (4,))])
def test_an_answer_has_a_space_where_the_tokenizer_makes_one_token_of_it(
    blank: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    known = {" a": blank, "": (), "Q": (9, 8), " x": (3,), "x": (4,)}
    requests = [Request("Q", "x")]
    assert set(ByParts().texts(requests)) <= set(known)
    (found,) = ByParts().divide(requests, known)
    assert found == ((9, 8), answer, False)


def test_the_last_token_fits_into_the_model_too() -> None:
    assert ByParts().room(8, 2) == 8
