from lmkit.evaluation.tasks.prompt_suffix import with_suffix
from lmkit.evaluation.tasks.task_settings import TaskSettings


def test_the_answer_that_llm_foundrys_files_lack_is_added() -> None:
    settings = TaskSettings()
    assert with_suffix("Question: Why?\n", settings) == "Question: Why?\nAnswer:"
    assert with_suffix("Question: Why?\nA. x\nAnswer:", settings).count("Answer:") == 1
    assert with_suffix("Why? ", settings) == "Why? "
    other = TaskSettings(delimiter="\nAnswer: ")
    assert with_suffix("Question: Why?", other) == "Question: Why?"


def test_a_prompt_suffix_can_be_chosen_or_left_out() -> None:
    assert with_suffix("Question: Why?", TaskSettings(prompt_suffix=None)) == "Question: Why?"
    assert with_suffix("Question: Why?", TaskSettings(prompt_suffix="none")) == "Question: Why?"
    assert with_suffix("Why?", TaskSettings(prompt_suffix=" =")) == "Why? ="


def test_blanks_around_a_question_can_be_kept() -> None:
    found = with_suffix("Question: Why?\n", TaskSettings(), keep_blanks=True)
    assert found == "Question: Why?\n\nAnswer:"
