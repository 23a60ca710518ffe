from lmkit.evaluation.tasks.item import Item, Request
from lmkit.evaluation.tasks.styles.lm_eval import LM_EVAL
from lmkit.evaluation.tasks.styles.task_style import ExamplePool
from lmkit.evaluation.tasks.task_settings import TaskSettings


def made(items: list[Item], **settings: object) -> list[tuple[Request, ...]]:
    found = TaskSettings.model_validate(settings)
    return list(LM_EVAL.prompts(items, ExamplePool(items, is_own=True), found))


def test_examples_precede_the_question_each_with_its_answer() -> None:
    items = [
        Item(n + 1, (f"Question: {word}?\nAnswer:",), ("yes", word), 1)
        for n, word in enumerate(["a", "b", "c", "d"])
    ]
    solved = "Question: d?\nAnswer: d\n\nQuestion: c?\nAnswer: c\n\n"  # examples 3 and 2
    context = f"{solved}Question: a?\nAnswer:"
    assert made(items, shots=2)[0] == (Request(context, " yes"), Request(context, " a"))


def test_of_contexts_the_right_one_is_in_the_example() -> None:
    items = [Item(n + 1, (f"{n} Sarah", f"{n} Maria"), ("got it.",), 1) for n in range(2)]
    assert made(items, shots=1, description="Who?\n")[0] == (
        Request("Who?\n1 Maria got it.\n\n0 Sarah", " got it."),
        Request("Who?\n1 Maria got it.\n\n0 Maria", " got it."),
    )


def test_both_sentences_of_a_pair_follow_the_delimiter() -> None:
    pair = Item(1, ("",), ("Good.", "Bad."), 0)
    assert made([pair]) == [(Request("", " Good."), Request("", " Bad."))]


def test_delimiters_are_those_of_the_settings() -> None:
    items = [Item(n + 1, (f"q{n}",), ("a", "b"), 0) for n in range(2)]
    found = made(items, shots=1, delimiter="\nAnswer: ", example_delimiter="\n")
    assert found[0][0] == Request("q1\nAnswer: a\nq0", "\nAnswer: a")
