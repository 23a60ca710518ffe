from lmkit.config import options
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.styles.core import CORE
from lmkit.evaluation.tasks.styles.lm_eval import LM_EVAL
from lmkit.evaluation.tasks.styles.registry import STYLES, style_of


def test_a_style_scores_the_kinds_that_its_program_has() -> None:
    (option,) = [each for each in options(TaskOptions) if each.key == "style"]
    assert option.names == (*STYLES,) == ("lm-eval", "llm-foundry", "core")
    assert style_of("core", "choice") is CORE
    assert style_of("core", "pair") is style_of("llm-foundry", "text") is LM_EVAL
