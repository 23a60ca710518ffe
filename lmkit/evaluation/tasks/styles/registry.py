"""The styles, by name."""

from lmkit.evaluation.tasks.styles.core import CORE
from lmkit.evaluation.tasks.styles.llm_foundry import LLM_FOUNDRY
from lmkit.evaluation.tasks.styles.lm_eval import LM_EVAL
from lmkit.evaluation.tasks.styles.task_style import TaskStyle

STYLES = {style.name: style for style in (LM_EVAL, LLM_FOUNDRY, CORE)}


def style_of(name: str, kind: str) -> TaskStyle:
    """Return the style in which a kind of task is scored: the named one where it has the kind."""
    style = STYLES[name]
    return style if style.measures is None or kind in style.measures else LM_EVAL
